// The official JavaScript client, unmodified, on a cluster of processes: every
// operation of a bucket, and a watcher that outlives the leader and its learner.
import assert from "node:assert/strict";
import { connect } from "@nats-io/transport-node";
import { jetstream } from "@nats-io/jetstream";
import { Kvm, KvWatchInclude } from "@nats-io/kv";
import { Cluster } from "./cluster.mjs";

const text = (e) => e && `${e.operation} ${e.key} ${e.revision} ${e.string()}`;

async function all(iterator) {
  const items = [];
  for await (const i of iterator) items.push(i);
  return items;
}

async function operations(kvm) {
  const kv = await kvm.create("config", { history: 5 });
  assert.equal(await kv.get("none"), null, "a key that is not there is null, not an empty value");
  assert.equal(await kv.put("a", "1"), 1);
  assert.equal(text(await kv.get("a")), "PUT a 1 1");
  assert.equal(await kv.create("b", "2"), 2);
  await assert.rejects(kv.create("b", "3"), /wrong last sequence/);
  assert.equal(await kv.update("b", "3", 2), 3);
  await assert.rejects(kv.update("b", "4", 2), /wrong last sequence/);
  await kv.delete("a");
  assert.equal((await kv.get("a")).operation, "DEL");
  assert.equal(text(await kv.get("a", { revision: 1 })), "PUT a 1 1");
  assert.equal(await kv.put("c.d", "5"), 5);
  assert.deepEqual((await all(await kv.keys())).sort(), ["b", "c.d"]);
  assert.deepEqual(await all(await kv.keys("c.*")), ["c.d"]);
  assert.deepEqual((await all(await kv.history({ key: "b" }))).map(text), ["PUT b 2 2", "PUT b 3 3"]);
  await kv.purge("b");
  assert.deepEqual((await all(await kv.history({ key: "b" }))).map(text), ["PURGE b 6 "]);
  const status = await kv.status();
  assert.equal(status.values, 4); // a twice, b's marker, c.d
  assert.deepEqual((await all(kvm.list())).map((s) => s.bucket), ["config"]);
  assert.equal(await kv.destroy(), true);
  await assert.rejects(kv.get("a"), /no responders/i); // not null: the bucket is gone
}

/** take returns the next n entries of a watcher. */
async function take(iterator, n) {
  const items = [];
  for (const i = iterator[Symbol.asyncIterator](); items.length < n;) items.push((await i.next()).value);
  return items;
}

async function watches(kvm) {
  const kv = await kvm.create("watched", { history: 3 });
  for (let i = 1; i <= 3; i++) await kv.put("k", `${i}`);
  await kv.put("x", "4");
  for (const [options, want] of [
    [{}, ["PUT k 3 3", "PUT x 4 4"]],
    [{ key: "x" }, ["PUT x 4 4"]],
    [{ include: KvWatchInclude.AllHistory }, ["PUT k 1 1", "PUT k 2 2", "PUT k 3 3", "PUT x 4 4"]],
    [{ headers_only: true }, ["PUT k 3 ", "PUT x 4 "]],
    [{ resumeFromRevision: 3 }, ["PUT k 3 3", "PUT x 4 4"]],
  ]) {
    const w = await kv.watch(options);
    assert.deepEqual((await take(w, want.length)).map(text), want, JSON.stringify(options));
    w.stop();
  }
  const w = await kv.watch({ include: KvWatchInclude.UpdatesOnly });
  await kv.put("k", "5");
  assert.deepEqual((await take(w, 1)).map(text), ["PUT k 5 5"]);
  w.stop();
}

/** put puts until it is done: an answer that is lost leaves the outcome open. */
async function put(kv, key, value) {
  for (const end = Date.now() + 60_000; ;) {
    try {
      return await kv.put(key, value);
    } catch (err) {
      if (Date.now() > end) throw err;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** survives watches while the leader and the learner that serves the watcher die. */
async function survives(cluster, kvm) {
  const kv = await kvm.create("survives", { history: 64 });
  const w = await kv.watch();
  const seen = [];
  const watching = (async () => {
    for await (const e of w) {
      seen.push(e);
      if (e.key === "end") return;
    }
  })();
  const some = async () => {
    for (let i = 0; i < 10; i++) await put(kv, `k${i % 3}`, `${i}`);
  };
  await some();
  const leader = await cluster.ready();
  console.log(`  kill the leader ${leader}`);
  cluster.kill(leader);
  await some();
  const serving = cluster.status().learners.find((l) => l.watch?.consumers > 0) ?? { id: "l1" };
  console.log(`  kill the learner ${serving.id}`);
  cluster.kill(serving.id);
  await some();
  await cluster.role(leader);
  const last = await put(kv, "end", "");
  const start = Date.now();
  await Promise.race([
    watching,
    new Promise((_, reject) => setTimeout(() => reject(new Error(`saw ${seen.map(text)}`)), 150_000).unref()),
  ]);
  console.log(`  the watcher went on after ${Date.now() - start} ms`);
  const revisions = seen.map((e) => e.revision);
  // All keys keep all their history, so every revision comes, once and in order.
  assert.deepEqual(revisions, Array.from({ length: last }, (_, i) => i + 1));
}

const cluster = new Cluster();
process.on("exit", () => cluster.down());
for (const s of ["SIGINT", "SIGTERM"]) process.on(s, () => process.exit(1));
await cluster.up();
const nc = await connect({ servers: cluster.url, maxReconnectAttempts: -1 });
const kvm = new Kvm(jetstream(nc, { apiPrefix: "synod.main.api" }));
for (const [name, run] of [
  ["operations", () => operations(kvm)],
  ["watches", () => watches(kvm)],
  ["survives", () => survives(cluster, kvm)],
]) {
  await run();
  console.log(`ok ${name}`);
}
await nc.close();
process.exit(0);
