// Where a packet goes next: longest prefix match, default gateways being the shortest prefix of all. RFC 1122
// §3.3.1.1, RFC 4861 §5.2. What is our own, broadcast or multicast is decided before anybody asks here.

import { type Address, ANY4, ANY6, BROADCAST4, copyOf, hasPrefix, isV4 } from '../address.js';
import { assert } from '../assert.js';
import type { LimitRegistry } from '../limits.js';
import { NEVER } from '../time.js';
import type { Interface } from './interface.js';

/**
 * The way to one destination, or through one gateway. Immutable: a flow may keep it while its generation is
 * current.
 */
export class Route {
  readonly interface: Interface;

  constructor(
    through: Interface,
    /** The destination itself when it is on the link; 255.255.255.255 for every broadcast. */
    readonly nextHop: Address,
    readonly onLink: boolean,
    readonly cast: 'unicast' | 'multicast' | 'broadcast' = 'unicast',
  ) {
    this.interface = through;
  }

  static broadcast(through: Interface): Route {
    return new Route(through, BROADCAST4, true, 'broadcast');
  }
}

export interface RouteEntry {
  /** Bits behind the prefix are without meaning. */
  readonly destination: Address;
  /** 0 .. 32 for IPv4, 0 .. 128 for IPv6. */
  readonly prefixLength: number;
  readonly interface: Interface;
  /** A neighbour through that interface; null: the destinations themselves are. */
  readonly gateway: Address | null;
  /** Among equal prefixes the lowest wins, and the first of equals. */
  readonly metric: number;
}

export class RouteTable {
  /** Counts changes: a flow's route is good while its generation is this one. */
  generation = 0;
  /**
   * Longest prefix first, then who failed longest ago or never, then by metric, then by age: the first match
   * is the answer.
   */
  private rows: Row[] = [];
  private failures = 0;

  constructor(limits: LimitRegistry) {
    limits.add({ name: 'ip.routes', unit: 'entries', max: ROUTES_MAX, source: 'ours', used: () => this.rows.length });
  }

  /** Routes changed elsewhere: an interface went down, an address came. */
  changed(): void {
    this.generation++;
  }

  /** False: the table is full. The same prefix, interface and gateway again changes the metric. */
  add(entry: Omit<RouteEntry, 'metric'> & { readonly metric?: number }): boolean {
    const { destination, prefixLength, interface: through, gateway, metric = 0 } = entry;
    assert(gateway === null || isV4(gateway) === isV4(destination), 'routes: a gateway of the other family');
    this.remove(destination, prefixLength, through, gateway);
    if (this.rows.length === ROUTES_MAX) return false;
    const via = gateway === null ? null : copyOf(gateway);
    this.rows.push(new Row(copyOf(destination), prefixLength, through, via, metric));
    this.sort();
    return true;
  }

  remove(destination: Address, prefixLength: number, through: Interface, gateway: Address | null): void {
    this.keep((row) => !(row.prefixLength === prefixLength && row.interface === through
      && hasPrefix(row.destination, destination, prefixLength) && isSame(row.gateway, gateway)));
  }

  /** All routes through an interface that goes away. */
  removeThrough(through: Interface): void {
    this.keep((row) => row.interface !== through);
  }

  /** A default route of the gateway's family. */
  addDefault(gateway: Address, through: Interface, metric = 0): boolean {
    const zero = isV4(gateway) ? ANY4 : ANY6;
    return this.add({ destination: zero, prefixLength: 0, interface: through, gateway, metric });
  }

  removeDefault(gateway: Address, through: Interface): void {
    this.remove(isV4(gateway) ? ANY4 : ANY6, 0, through, gateway);
  }

  /** @param zone  an interface's index: only through it; 0: through any */
  lookup(dst: Address, zone: number): Route | null {
    const row = this.find(dst, zone);
    if (row === null) return null;
    return row.route ?? new Route(row.interface, dst, true);
  }

  /**
   * The next hop towards `dst` does not answer. RFC 1122 §3.3.1.4: if it is a gateway and there is another,
   * that one is used from now on, until it fails in turn.
   */
  fail(dst: Address, zone: number, now: number): void {
    const row = this.find(dst, zone);
    // Packets that waited for one gateway come back together: the second must not condemn its successor.
    if (row === null || row.gateway === null || row.succeededAt === now) return;
    const { gateway, prefixLength } = row;
    const rivals = this.rows.filter((other) => other.gateway !== null && other.prefixLength === prefixLength
      && hasPrefix(other.destination, dst, prefixLength)
      && !(isSame(other.gateway, gateway) && other.interface === row.interface));
    if (rivals.length === 0) return;
    for (const other of rivals) other.succeededAt = now;
    row.failure = ++this.failures;
    this.sort();
  }

  entries(): readonly RouteEntry[] {
    return this.rows;
  }

  private find(dst: Address, zone: number): Row | null {
    const { rows } = this;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (!hasPrefix(dst, row.destination, row.prefixLength)) continue;
      if (row.interface.up && (zone === 0 || row.interface.index === zone)) return row;
    }
    return null;
  }

  private keep(wanted: (row: Row) => boolean): void {
    const kept = this.rows.filter(wanted);
    if (kept.length === this.rows.length) return;
    this.rows = kept;
    this.generation++;
  }

  private sort(): void {
    // Array.prototype.sort is stable: the older of equals stays first.
    this.rows.sort((a, b) => b.prefixLength - a.prefixLength || a.failure - b.failure || a.metric - b.metric);
    this.generation++;
  }
}

const ROUTES_MAX = 1024;

const isSame = (a: Address | null, b: Address | null): boolean =>
  a === null || b === null ? a === b : a.equals(b) && a.zone === b.zone;

class Row implements RouteEntry {
  readonly interface: Interface;
  /** Its next hop did not answer: which failure of all that was; 0: it never happened. */
  failure = 0;
  /** When it took over from another. */
  succeededAt = NEVER;
  /** The route, which all destinations behind a gateway share. */
  readonly route: Route | null;

  constructor(
    readonly destination: Address,
    readonly prefixLength: number,
    through: Interface,
    readonly gateway: Address | null,
    readonly metric: number,
  ) {
    this.interface = through;
    this.route = gateway === null ? null : new Route(through, gateway, false);
  }
}
