// Scans that this device decided on by itself, on their way to the server: kept until it has taken
// them, handed in as often as it takes. Their nonces make a scan that was taken already no other.

import { call } from "../lib/http.js";
import { all, drop, put } from "./store.js";

const BATCH = 200;

export class Queue {
  constructor(event) {
    this.event = event;
    this.waiting = 0;
    this.lost = 0; // refused for good: there is something wrong with them
  }

  async count() {
    this.waiting = (await all("scans", this.event)).length;
    return this.waiting;
  }

  /** Keeps a scan; done once it is on disk. */
  async keep(scan) {
    await put("scans", { ...scan, event: this.event });
    this.waiting += 1;
  }

  /** Hands in what waits, oldest first. Throws where the server cannot be reached. */
  async handIn() {
    for (;;) {
      const kept = (await all("scans", this.event)).sort((a, b) => (a.at < b.at ? -1 : 1));
      this.waiting = kept.length;
      if (!kept.length) return;
      await this.send(kept.slice(0, BATCH));
    }
  }

  async send(scans) {
    const body = {
      now: new Date().toISOString(),
      scans: scans.map(({ event, ...scan }) => scan),
    };
    try {
      await call("POST", `/api/v1/events/${this.event}/checkins/batch`, body, {
        tries: 1,
        patience: 30000,
      });
    } catch (problem) {
      if (![400, 413, 422].includes(problem.status)) throw problem;
      // One bad scan must not keep the others here for ever.
      if (scans.length > 1) {
        const half = Math.ceil(scans.length / 2);
        await this.send(scans.slice(0, half));
        return this.send(scans.slice(half));
      }
      this.lost += 1;
    }
    return drop("scans", ...scans.map((scan) => scan.nonce));
  }
}
