// The tickets of the event as this device took them along, and what it has done with them since:
// by these it decides alone while there is no network.

import { call } from "../lib/http.js";
import { isSigned, readCode, readNumber } from "./code.js";
import { all, drop, get, put } from "./store.js";

const PACE_TICKET_MS = 10; // a list of 1,000 tickets is asked for 10 s later than one of none

export class TicketList {
  constructor(event) {
    this.event = event;
    this.keys = [];
    this.tickets = new Map(); // "booking_seat" -> [serial, used at (ms), used where]
    this.at = 0; // when the server told it; 0: never
  }

  /** What was kept by an earlier page, so that a reload without the network loses nothing. */
  async load() {
    const kept = await get("lists", this.event);
    if (kept) this.take(kept);
    for (const { ticket, at, where } of await all("used", this.event)) this.mark(ticket, at, where);
    return this;
  }

  take({ told, at }) {
    const before = this.tickets;
    this.keys = told.keys;
    this.at = at;
    this.tickets = new Map();
    for (const [booking, seat, serial, used] of told.tickets) {
      const name = `${booking}_${seat}`;
      const [, mine, where] = before.get(name) ?? [];
      // What was let in here a moment ago may not be in the list yet.
      this.tickets.set(name, [serial, used || mine || 0, where ?? ""]);
    }
  }

  /** The newest list; the browser asks for it with the ETag of the one it has. */
  async refresh() {
    const path = `/api/v1/events/${this.event}/checkins/tickets`;
    const told = await call("GET", path, undefined, { tries: 1, cache: "no-cache", patience: 30000 });
    const at = Date.now();
    this.take({ told, at });
    await put("lists", { event: this.event, told, at });
    const listed = new Set(told.tickets.filter((row) => row[3]).map((row) => `${row[0]}_${row[1]}`));
    const known = (await all("used", this.event)).filter((each) => listed.has(each.ticket));
    if (known.length) await drop("used", ...known.map((each) => each.ticket));
  }

  /** For how long (ms) a list of this size is good enough. */
  get pace() {
    return 15000 + this.tickets.size * PACE_TICKET_MS;
  }

  mark(ticket, at, where) {
    const known = this.tickets.get(ticket);
    if (known && !known[1]) [known[1], known[2]] = [at, where];
  }

  /** A ticket (tkt_...) was let in here, offline or not: that is true whether it can be kept or not. */
  async use(id, at, where) {
    const ticket = id.slice(4);
    this.mark(ticket, at, where);
    await put("used", { ticket, event: this.event, at, where }).catch(() => {});
  }

  /** What this device finds of a text: {outcome, ticket, used_at, used_where}; `sure` is false where
      it could not verify the signature. */
  async judge(text, typed) {
    const number = readNumber(text);
    const code = number ? null : readCode(text);
    if (!number && !code) return { outcome: "no_ticket" };
    if (!this.at) return { outcome: "blind" };
    if (code && code.event !== this.event) return { outcome: "wrong_event" };
    const signed = code ? await isSigned(code, this.keys) : true;
    if (signed === false) return { outcome: "forged" };
    const { booking, seat } = code ?? number;
    const id = `tkt_${booking}_${seat}`;
    const found = { ticket: { ticket_id: id, label: code?.label ?? id }, sure: signed === true };
    const known = this.tickets.get(`${booking}_${seat}`);
    if (!known) return { ...found, outcome: "unlisted" };
    const [serial, used, where] = known;
    // A higher one was handed on since the list was taken, if its signature says so.
    if (code && (code.serial < serial || (code.serial > serial && !signed))) {
      return { ...found, outcome: "revoked" };
    }
    if (used) return { ...found, outcome: "already_used", used_at: used, used_where: where };
    return { ...found, outcome: number && !typed ? "unsigned" : "admitted" };
  }
}
