// Connections that have been idle for long, each a row of numbers and not a connection: nothing is under way, so that what it
// remembers of both ends is all there is. It is a connection again when a segment comes for it or its owner calls. An owner
// has to agree, for it holds the number of a row meanwhile.

import type { Address } from '../address.js';
import { Flow } from '../ip/flow.js';
import type { Random } from '../random.js';
import { Connection, type ConnectionOwner } from './connection.js';
import { NO_ECN } from './ecn.js';
import { RtoEstimator } from './rto.js';
import type { Settings } from './settings.js';
import { Rcv, Snd, Timestamps } from './tcb.js';
import type { Tcp } from './tcp.js';
import { NONE, TupleRows } from './tuple-rows.js';

/** The records of a connection that are numbers and flags, and kept whole. */
const RECORDS = { snd: new Snd(), rcv: new Rcv(), ts: new Timestamps(), rto: new RtoEstimator() };
/** Of the connection's own. */
const OWN = [
  'iss', 'irs', 'sackPermitted', 'windowScaling', 'sendBuffer', 'receiveBuffer', 'synLosses', 'synSentAt', 'retries', 'probes', 'keepAlivesSent',
  'lastArrivalAt', 'lastSentAt', 'challengeWindowAt', 'challenges', 'pathMtuGeneration', 'bytesReceived', 'bytesSent', 'retransmits',
  'bytesRetransmitted', 'timeouts', 'undos',
] as const satisfies readonly (keyof Connection)[];
/** Of its flow, whose addresses are the row's. */
const FLOW = ['hopLimit', 'trafficClass', 'dontFragment', 'flowLabel'] as const satisfies readonly (keyof Flow)[];
/** Sizes, times and offsets of the stream: the others are int32 or flags. */
const FRACTIONS = new Set([
  'sendBuffer', 'receiveBuffer', 'synSentAt', 'lastArrivalAt', 'lastSentAt', 'challengeWindowAt', 'bytesReceived', 'bytesSent', 'bytesRetransmitted',
  'rcv.up', 'ts.recentAt', 'ts.floorUntil',
]);

/** Where one of them lies. A flag is 0 or 1. */
interface Column {
  readonly record: 'snd' | 'rcv' | 'ts' | 'rto' | 'flow' | null;
  readonly key: string;
  readonly isFlag: boolean;
  readonly isFraction: boolean;
  readonly index: number;
}

type Numbers = Record<string, number | boolean>;

/** Beside the columns: the offset of the stream that is sent next, and why nothing is sent. */
const TAIL = 0;
const LIMITED = 0;

const columns = ((): readonly Column[] => {
  const made: Column[] = [];
  // Of words, and of fractions.
  const next = [LIMITED + 1, TAIL + 1];
  const add = (record: Column['record'], key: string, isFlag: boolean): void => {
    const isFraction = record === 'rto' ? !isFlag : FRACTIONS.has(record === null ? key : `${record}.${key}`);
    made.push({ record, key, isFlag, isFraction, index: next[isFraction ? 1 : 0]!++ });
  };
  for (const [record, fields] of Object.entries(RECORDS)) {
    for (const [key, value] of Object.entries(fields)) add(record as Column['record'], key, typeof value === 'boolean');
  }
  for (const key of OWN) add(null, key, key === 'sackPermitted' || key === 'windowScaling');
  for (const key of FLOW) add('flow', key, key === 'dontFragment');
  return made;
})();
const WORDS = LIMITED + 1 + columns.filter(({ isFraction }) => !isFraction).length;
const TIMES = TAIL + 1 + columns.filter(({ isFraction }) => isFraction).length;

/** Invariant: a tuple is a row here or in `tcp.connections`, never both. */
export class DormantTable {
  private readonly rows: TupleRows;
  /** By row. */
  private readonly owners: (ConnectionOwner | null)[] = [];
  private readonly settings: (Settings | null)[] = [];

  constructor(private readonly tcp: Tcp, random: Random, capacity: number) {
    this.rows = new TupleRows(random, WORDS, TIMES, capacity);
  }

  get size(): number {
    return this.rows.size;
  }

  /** In place of `c`, which is as `Connection.mayBeDormant` wants it, and whose owner can do without. */
  add(c: Connection): void {
    const { rows, tcp } = this;
    tcp.connections.delete(c);
    const row = rows.add(c.localAddress, c.localPort, c.remoteAddress, c.remotePort);
    rows.setTime(row, TAIL, c.sendQueue.tail);
    rows.set(row, LIMITED, c.rate === tcp.atRest.limitedRate ? 1 : 0);
    for (const { record, key, isFraction, index } of columns) {
      const value = Number((record === null ? c as unknown as Numbers : c[record] as unknown as Numbers)[key]);
      if (isFraction) rows.setTime(row, index, value);
      else rows.set(row, index, value);
    }
    this.owners[row] = c.owner;
    this.settings[row] = c.settings;
    c.owner!.onTcpDormant!(row);
  }

  has(local: Address, localPort: number, remote: Address, remotePort: number): boolean {
    return this.rows.find(local, localPort, remote, remotePort) !== NONE;
  }

  /** The connection of a tuple, awake again; null: none of these. */
  wakeFor(local: Address, localPort: number, remote: Address, remotePort: number): Connection | null {
    const row = this.rows.find(local, localPort, remote, remotePort);
    return row === NONE ? null : this.wake(row);
  }

  wake(row: number): Connection {
    const { rows, tcp } = this;
    const flow = new Flow(rows.localAddress(row), rows.remoteAddress(row), tcp.number);
    const c = new Connection(tcp, flow, rows.localPort(row), rows.remotePort(row), null);
    c.state = 'ESTABLISHED';
    for (const { record, key, isFlag, isFraction, index } of columns) {
      const value = isFraction ? rows.time(row, index) : rows.get(row, index);
      (record === null ? c as unknown as Numbers : c[record] as unknown as Numbers)[key] = isFlag ? value !== 0 : value;
    }
    c.sendQueue.begin(rows.time(row, TAIL));
    if (rows.get(row, LIMITED) !== 0) c.rate = tcp.atRest.limitedRate;
    c.ecn = NO_ECN;
    c.settings = this.settings[row]!;
    const owner = this.owners[row]!;
    this.owners[row] = null;
    this.settings[row] = null;
    rows.remove(row);
    tcp.connections.add(c);
    c.owner = owner;
    owner.onTcpAwake!(c);
    c.letSleep();
    return c;
  }

  /** For who has to look at every connection. */
  wakeAll(): void {
    for (let row = 0; row < this.owners.length; row++) if (this.owners[row] !== null) this.wake(row);
  }

  /** Is there one with this port of ours? In time linear in their number. */
  hasLocalPort(port: number): boolean {
    return this.owners.some((owner, row) => owner !== null && this.rows.localPort(row) === port);
  }
}
