// What is asked of the service. An answer that says "later" is asked again when it says; a service
// that does not answer is asked until it does.
const AGAIN_SECONDS = 2;
// So often "later" is taken for an answer.
const MOST_TRIES = 30;

// The service's own sentence about a picture or a choice.
export class Refusal extends Error {}

// Told whether the service answers, and which request waits for it.
export const line = { gone: false, told: () => {} };

function report(gone) {
  if (line.gone === gone) return;
  line.gone = gone;
  line.told(gone);
}

const pause = (seconds, signal) =>
  new Promise((resolve, reject) => {
    const end = setTimeout(resolve, 1000 * seconds);
    signal?.addEventListener("abort", () => (clearTimeout(end), reject(signal.reason)), { once: true });
  });

async function answerOf(path, choices) {
  try {
    const answer = await fetch(path, { cache: "no-store", ...choices });
    report(false);
    return answer;
  } catch (error) {
    if (choices.signal?.aborted) throw error;
    report(true);
    return null;
  }
}

export async function ask(path, choices = {}, waiting = () => {}) {
  for (let n = 1; ; n++) {
    const answer = await answerOf(path, choices);
    if (answer?.ok) return answer;
    // A quota that is used up is not there again in a moment, and no time is said.
    const isLater = answer === null || answer.status === 503 || answer.headers.has("Retry-After");
    if (!isLater || (answer && n === MOST_TRIES)) throw new Refusal(await sentenceOf(answer));
    const seconds = Number(answer?.headers.get("Retry-After")) || AGAIN_SECONDS;
    waiting(true);
    await pause(seconds, choices.signal);
    waiting(false);
  }
}

async function sentenceOf(answer) {
  const said = await answer.json().catch(() => ({}));
  // The service calls every picture so; the page says its name.
  return said.message?.replace(/^picture: /, "") ?? `${answer.status} ${answer.statusText}`;
}

const post = (path, body, signal, waiting) => ask(path, { method: "POST", body, signal }, waiting);

export const options = async () => (await ask("api/options")).json();

// A picture of few colors, with its figures.
export async function compress(body, query, { signal, waiting }) {
  const answer = await post(`api/compress?${query}`, body, signal, waiting);
  const blob = await answer.blob();
  const said = (name) => answer.headers.get(`Pimenton-${name}`);
  const number = (name) => (said(name) === null ? null : Number(said(name)));
  return {
    blob,
    width: number("Width"),
    height: number("Height"),
    n_colors: number("Colors"),
    quality: number("Quality"),
    reached: said("Quality-Reached") !== "false",
    kept: said("Kept") === "true",
    seconds: number("Seconds"),
  };
}

export const paletteFile = async (body, format, signal) =>
  (await post(`api/palette?format=${format}`, body, signal)).blob();

// The colors of a result, and how many pixels have each.
export async function paletteOf(body, signal) {
  const rows = JSON.parse(await (await paletteFile(body, "json", signal)).text());
  return { palette: rows.map((row) => row.hex), counts: rows.map((row) => row.count) };
}

// Where the page is that explains K-means on a picture.
export async function explanation(body, lang) {
  const answer = await post(`api/explain?lang=${lang}`, body);
  return new URL(answer.headers.get("Location"), document.baseURI).href;
}
