"""Pictures through pipes: nothing but the picture on standard output."""

import argparse
import json
import sys
from pathlib import Path

from pimenton.batch import FAILURES, Rules, compress_data
from pimenton.cli.answers import complain, refuse_existing
from pimenton.errors import one_line
from pimenton.formats import format_of, write_atomically
from pimenton.options import Options


def run_pipe(chosen: argparse.Namespace, options: Options, rules: Rules) -> int:
    """Compress from standard input, to standard output, or both; figures go to standard error."""
    is_piped_in = chosen.inputs[0] == "-"
    name = "standard input" if is_piped_in else chosen.inputs[0]
    is_piped_out = str(chosen.output or "-") == "-"
    try:
        if not is_piped_out:
            refuse_existing(chosen.output, force=chosen.force)
        data = sys.stdin.buffer.read() if is_piped_in else Path(name).read_bytes()
        data, made = compress_data(
            data,
            options,
            rules,
            format=chosen.format if is_piped_out else format_of(chosen.output),
            name=name,
            n_threads=chosen.threads,
        )
        if is_piped_out:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            write_atomically(chosen.output, data)
    except BrokenPipeError:
        raise
    except FAILURES as error:
        return complain(one_line(error))
    if chosen.json:
        output = "standard output" if is_piped_out else str(chosen.output)
        figures = made.report.to_dict() if made else {}
        print(json.dumps({"input": name, "output": output, **figures}), file=sys.stderr)
    return 0
