// A cluster of real processes: a nats-server, and the programs in the directory that
// the environment variable SYNOD_BIN names.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const bin = process.env.SYNOD_BIN;
const running = new Map();

/** start starts a program and returns it once a line of it matches, with the match. */
function start(id, program, args, ready) {
  const child = spawn(join(bin, program), args, { stdio: ["ignore", "pipe", "pipe"] });
  running.set(id, child);
  let said = "";
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${id} is not ready:\n${said}`)), 30_000);
    const hear = (data) => {
      said += data;
      const match = said.match(ready);
      if (match) {
        clearTimeout(timer);
        resolve(match);
      }
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("exit", () => {
      running.delete(id);
      reject(new Error(`${id} ended:\n${said}`));
    });
  });
}

export class Cluster {
  dir = mkdtempSync(join(tmpdir(), "synod-js-"));

  /** up starts and founds everything: three acceptors, two proposers, two learners. */
  async up() {
    const config = join(this.dir, "nats.conf");
    writeFileSync(config, `listen: "127.0.0.1:-1"\nleafnodes { listen: "127.0.0.1:-1" }\n`);
    const listening = /leafnode connections on (\S+)[^]*client connections on (\S+)[^]*Server is ready/;
    const [, leaf, client] = await start("nats-server", "nats-server", ["-c", config], listening);
    this.url = `nats://${client}`;
    this.leaf = `nats-leaf://${leaf}`;
    for (const id of ["a1", "a2", "a3"]) await this.role(id);
    this.synod("init", "--acceptors", "a1,a2,a3");
    for (const id of ["p1", "p2", "l1", "l2"]) await this.role(id);
    await this.ready();
  }

  role(id) {
    const program = { a: "acceptor", p: "proposer", l: "learner" }[id[0]];
    const args = ["--id", id, "--nats", this.url];
    if (program !== "proposer") args.push("--data", join(this.dir, id));
    if (program === "learner") args.push("--leaf", this.leaf);
    return start(id, program, args, new RegExp(`${program} runs`));
  }

  synod(...args) {
    const r = spawnSync(join(bin, "synod"), [...args, "--nats", this.url], { encoding: "utf8" });
    if (r.status !== 0) throw new Error(`synod ${args.join(" ")}: ${r.stderr}`);
    return r.stdout;
  }

  status() {
    const r = spawnSync(join(bin, "synod"), ["status", "--json", "--wait", "500ms", "--nats", this.url], { encoding: "utf8" });
    return JSON.parse(r.stdout);
  }

  /** ready waits for a leader. */
  async ready() {
    for (const end = Date.now() + 30_000; Date.now() < end;) {
      const s = this.status();
      if (s.leader && s.learners?.some((l) => l.ready)) return s.leader.id;
    }
    throw new Error("no leader");
  }

  kill(id) {
    running.get(id).removeAllListeners("exit");
    running.get(id).kill("SIGKILL");
    running.delete(id);
  }

  down() {
    for (const child of running.values()) {
      child.removeAllListeners("exit");
      child.kill("SIGKILL");
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}
