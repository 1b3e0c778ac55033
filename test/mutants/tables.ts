// Numbers and rows that peers must not guess or exhaust: initial sequence numbers, the connection table, TIME-WAIT.
// RFC 6528, RFC 9293 §3.4.1, RFC 1337, RFC 6191.

import type { Mutant } from '../../tools/mutants/mutant.js';

const isn = { file: 'src/tcp/isn.ts', test: 'test/unit/tcp/isn.test.ts', sec: 'SEC-50' } as const;
const table = { file: 'src/tcp/connection-table.ts', test: 'test/unit/tcp/connection-table.test.ts' } as const;
const hash = { file: 'src/tcp/tuple-hash.ts', test: 'test/unit/tcp/connection-table.test.ts' } as const;
const rows = { file: 'src/tcp/tuple-rows.ts', test: 'test/unit/tcp/time-wait.test.ts' } as const;
const dormant = { file: 'src/tcp/dormant.ts', test: 'test/unit/tcp/dormant.test.ts' } as const;
const dozing = { file: 'src/tcp/connection.ts', test: 'test/unit/tcp/dormant.test.ts' } as const;
const asked = { file: 'src/tcp/tcp.ts', test: 'test/unit/tcp/dormant.test.ts' } as const;
const timeWait = { file: 'src/tcp/time-wait.ts', test: 'test/unit/tcp/time-wait.test.ts' } as const;

export const ISN: readonly Mutant[] = [
  { ...isn, text: ' + this.f.hashWords(t, 9)', replacement: '', title: 'of another tuple tell nothing' },
  { ...isn, text: 't[8] = (localPort << 16) | remotePort;', replacement: 't[8] = remotePort;', title: 'of another tuple tell nothing' },
  { ...isn, text: 't[8] = (localPort << 16) | remotePort;', replacement: 't[8] = localPort << 16;', title: 'of neighbouring ports spread' },
  { ...isn, text: 't[4] = remote.w0;', replacement: '', title: 'of another tuple tell nothing' },
  { ...isn, text: 't[3] = local.w3;', replacement: '', title: 'of another tuple tell nothing' },
  { ...isn, text: 'this.f.hashWords(t, 9)', replacement: 't.reduce((sum, word) => sum + word)', title: 'of neighbouring ports spread' },
  { ...isn, text: 'const TICKS_PER_MS = 250;', replacement: 'const TICKS_PER_MS = 0;', title: 'advance by one every four microseconds' },
];

export const CONNECTION_TABLE: readonly Mutant[] = [
  {
    ...table, title: 'that has the same hash',
    text: 'e.remotePort === remotePort && e.localPort === localPort', replacement: 'e.remotePort === remotePort',
  },
  { ...table, text: ' && e.localAddress.equals(local)', replacement: '', title: 'that has the same hash' },
  { ...table, text: '\n    && sameZone(e.remoteAddress, remote)', replacement: '', title: 'with a link-local peer is one per link' },
  { ...table, text: 'else previous.nextInBucket = entry.nextInBucket;', replacement: '', test: 'test/property/connection-table.test.ts' },
  {
    ...table, title: 'do not pile up',
    text: 'if (this.entries.size > this.buckets.length && this.bits < BITS_MAX) this.grow();\n    else this.link(entry);',
    replacement: 'this.link(entry);',
  },
  { ...hash, text: 'Math.imul(k[1]!, remotePort)', replacement: 'remotePort', title: 'do not pile up' },
  { ...hash, text: 'Math.imul(k[4]!, remote.w3 & 0xffff)', replacement: '(remote.w3 & 0xffff)', title: 'do not pile up' },
];

export const TIME_WAIT: readonly Mutant[] = [
  {
    ...timeWait, sec: 'SEC-60', title: 'gives up the oldest when it is full',
    text: 'else if (rows.isFull) this.remove(this.order.first);',
    replacement: 'else if (rows.isFull) this.remove(this.order.last);',
  },
  {
    ...rows, sec: 'SEC-60', title: 'makes its rows as they are needed',
    text: 'Math.min(this.capacity, Math.max(ROWS_MIN, 2 * old))', replacement: 'this.capacity',
  },
  { ...timeWait, text: 'this.nextTimeout() <= now', replacement: 'this.nextTimeout() < now', title: 'lets each row go when 2MSL are over' },
  {
    ...timeWait, title: 'replaces the row of a tuple that comes again',
    text: 'if (known !== NONE) this.remove(known);\n    else if', replacement: 'if',
  },
  {
    ...timeWait, title: 'waits anew when the FIN comes again',
    text: 'this.order.remove(row);\n    this.putInOrder(row, expiresAt);', replacement: 'this.rows.setTime(row, EXPIRES, expiresAt);',
  },
  { ...rows, text: 'return w[at + PORTS] === ports\n      && ', replacement: 'return ', title: 'that has the same hash' },
  {
    ...rows, title: 'that has the same hash',
    text: "w[at + REMOTE + 1] === remote.w1 && w[at + REMOTE] === remote.w0", replacement: 'true',
  },
  {
    ...timeWait, test: 'test/property/time-wait.test.ts',
    text: 'while (before !== NONE && this.expiresAt(before) > expiresAt) before = this.order.before(before);', replacement: '',
  },
];

export const DORMANT: readonly Mutant[] = [
  { ...dormant, text: "'timeouts', 'undos',", replacement: "'timeouts',", title: 'remembers all it knew' },
  { ...dormant, text: "['hopLimit', 'trafficClass', ", replacement: "['hopLimit', ", title: 'remembers all it knew' },
  { ...dormant, text: "'bytesRetransmitted',\n  'rcv.up'", replacement: "'rcv.up'", title: 'remembers all it knew' },
  { ...dormant, fuzz: 'F5', text: 'c.sendQueue.begin(rows.time(row, TAIL));', replacement: '', title: 'remembers all it knew' },
  { ...dormant, text: 'if (rows.get(row, LIMITED) !== 0) c.rate = tcp.atRest.limitedRate;', replacement: '', title: 'remembers all it knew' },
  { ...dormant, text: 'c.settings = this.settings[row]!;', replacement: '', title: 'with settings of its own' },
  { ...dormant, text: 'c.letSleep();', replacement: '', title: 'sleeps again, and again' },
  { ...dormant, text: 'rows.remove(row);', replacement: '', title: 'counts as a connection' },
  { ...dozing, text: 'if (this.owner?.onTcpDormant === undefined) return false;', replacement: 'if (this.owner === null) return false;', title: 'while its owner needs it' },
  { ...dozing, text: 'if (now < dueAt) this.lookAgainAt(dueAt);', replacement: '', title: 'sleeps again, and again' },
  { ...dozing, text: 'if (now >= dueAt && this.mayBeDormant)', replacement: 'if (this.mayBeDormant)', title: 'a second is not long' },
  { ...dozing, text: 'this.armed === null && !this.isReady && this.pendingEvents', replacement: '!this.isReady && this.pendingEvents', title: 'with keep-alives' },
  { ...dozing, text: 'this.listener === null && this.probe === null &&', replacement: 'this.listener === null &&', title: 'while somebody looks' },
  { ...dozing, text: '!this.wantsSpace && !this.refusedText &&', replacement: '', title: 'while its owner waits for room' },
  { ...asked, fuzz: 'F5', text: ' ?? this.dormant.wakeFor(local, localPort, remote, remotePort)', replacement: '', title: 'when the peer speaks' },
  { ...asked, text: 'return this.connections.size + this.dormant.size;', replacement: 'return this.connections.size;', title: 'counts as a connection' },
  { ...asked, text: ' && !this.dormant.has(local, localPort, remote, remotePort)', replacement: '', title: 'keeps its tuple' },
  { ...asked, text: ' || this.dormant.hasLocalPort(port)', replacement: '', title: 'counts as a connection' },
];
