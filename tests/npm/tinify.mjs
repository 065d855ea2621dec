// Every call of the contract, by the client of Node.js as it comes from npm, over TLS.
// Arguments: where it is installed, the service, its authority, a key, a server of pictures, a store.
import { strict as assert } from "node:assert";
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [installed, service, authority, key, pictures, store, photo, telling] = process.argv.slice(2);
const tinify = createRequire(join(installed, "package.json"))("tinify");
const Client = createRequire(join(installed, "package.json"))("tinify/lib/tinify/Client.js").default;
Client.API_ENDPOINT = service;
Client.CA_BUNDLE = readFileSync(authority);
tinify.key = key;

const folder = mkdtempSync(join(tmpdir(), "tinify-"));
const signatures = {
  "image/png": "89504e47",
  "image/jpeg": "ffd8ff",
  "image/webp": "52494646",
  "image/avif": "0000",
};
const holds = (data, type) => data.subarray(0, 8).toString("hex").startsWith(signatures[type]);
const cases = {
  async "a key is validated"() {
    await tinify.validate();
  },
  async "a file into a file"() {
    const target = join(folder, "small.png");
    await tinify.fromFile(photo).toFile(target);
    assert.ok(statSync(target).size < statSync(photo).size);
    assert.ok(holds(readFileSync(target), "image/png"));
  },
  async "a buffer, read twice"() {
    const source = tinify.fromBuffer(readFileSync(photo));
    const made = Buffer.from(await source.toBuffer());
    assert.ok(made.equals(Buffer.from(await source.toBuffer())));
  },
  async "an address"() {
    const made = Buffer.from(await tinify.fromUrl(`${pictures}/photo.png`).toBuffer());
    assert.ok(holds(made, "image/png"));
  },
  async "four ways to resize"() {
    const ways = [
      [{ method: "scale", width: 60 }, 60, 40],
      [{ method: "scale", height: 20 }, 30, 20],
      [{ method: "fit", width: 50, height: 50 }, 50, 33],
      [{ method: "cover", width: 40, height: 60 }, 40, 60],
      [{ method: "thumb", width: 30, height: 30 }, 30, 30],
    ];
    for (const [resize, width, height] of ways) {
      const result = tinify.fromFile(photo).resize(resize).result();
      assert.deepEqual([await result.width(), await result.height()], [width, height]);
    }
  },
  async "every type, and the smallest"() {
    const source = tinify.fromFile(photo);
    const sizes = {};
    for (const type of Object.keys(signatures)) {
      const result = source.convert({ type }).result();
      const data = Buffer.from(await result.toBuffer());
      assert.ok(holds(data, type));
      assert.equal(await result.mediaType(), type);
      sizes[type] = await result.size();
      assert.equal(sizes[type], data.length);
    }
    for (const type of [["*/*"], "*/*", Object.keys(signatures)]) {
      const best = source.convert({ type }).result();
      assert.equal(await best.size(), Math.min(...Object.values(sizes)));
      assert.equal(sizes[await best.mediaType()], await best.size());
    }
  },
  async "a background"() {
    const made = tinify.fromFile(photo).convert({ type: "image/jpeg" });
    const data = Buffer.from(await made.transform({ background: "#ff0000" }).toBuffer());
    assert.ok(holds(data, "image/jpeg"));
  },
  async "what is to be preserved"() {
    const source = tinify.fromFile(telling).resize({ method: "scale", width: 60 });
    const bare = Buffer.from(await source.toBuffer());
    const kept = Buffer.from(await source.preserve("copyright", "creation", "location").toBuffer());
    assert.ok(!bare.includes("Somebody") && !bare.includes("2026:01:02"));
    assert.ok(kept.includes("Somebody") && kept.includes("2026:01:02 03:04:05"));
  },
  async "a store"() {
    if (!store) return;
    const location = await tinify
      .fromFile(photo)
      .resize({ method: "fit", width: 20, height: 20 })
      .store({
        service: "s3",
        aws_access_key_id: "id",
        aws_secret_access_key: "secret",
        region: "us-east-1",
        path: "shop/by/node.png",
        headers: { "Cache-Control": "public, max-age=1" },
      })
      .location();
    assert.equal(location, `${store}/shop/by/node.png`);
    const stored = await fetch(location);
    assert.equal(stored.headers.get("Cache-Control"), "public, max-age=1");
    assert.ok(holds(Buffer.from(await stored.arrayBuffer()), "image/png"));
  },
  async "counts"() {
    const source = tinify.fromFile(photo);
    await source.toBuffer();
    const before = tinify.compressionCount;
    await source.resize({ method: "scale", width: 9 }).toBuffer();
    assert.equal(tinify.compressionCount, before + 1);
  },
  async "a bad picture"() {
    const text = join(folder, "text.png");
    writeFileSync(text, "no picture");
    await assert.rejects(tinify.fromFile(text).toBuffer(), (error) => {
      assert.ok(error instanceof tinify.ClientError);
      return /HTTP 415\/Unsupported media type/.test(error.message);
    });
    const cut = readFileSync(photo).subarray(0, 900);
    await assert.rejects(tinify.fromBuffer(cut).toBuffer(), /HTTP 400\/BadSignature/);
    await assert.rejects(
      tinify.fromFile(photo).resize({ method: "fit", width: 5 }).toBuffer(),
      tinify.ClientError,
    );
    await assert.rejects(tinify.fromUrl("http://[::1]/a.png").toBuffer(), /not a public address/);
  },
  async "a wrong key"() {
    tinify.key = "wrong";
    await assert.rejects(tinify.validate(), tinify.AccountError);
    await assert.rejects(tinify.fromFile(photo).toBuffer(), /HTTP 401\/Unauthorized/);
  },
  async "an authority that is not known"() {
    delete Client.CA_BUNDLE;
    tinify.key = key;
    await assert.rejects(tinify.validate(), tinify.ConnectionError);
  },
};
for (const [name, run] of Object.entries(cases)) {
  await run();
  console.log(name);
}
