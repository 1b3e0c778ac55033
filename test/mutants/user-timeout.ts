// What ends tell each other of their patience (RFC 5482), and what a connection tells tools of itself.

import type { Mutant } from '../../tools/mutants/mutant.js';

const told = { file: 'src/tcp/user-timeout.ts', test: 'test/unit/tcp/user-timeout.test.ts' };
const wire = 'test/script/user-timeout.test.ts';
const probe = { file: 'src/tcp/probe.ts', test: 'test/script/probe.test.ts' };

export const USER_TIMEOUT: readonly Mutant[] = [
  { ...told, text: 'Math.max(1, Math.ceil(ms / 1000))', replacement: 'Math.ceil(ms / 1001)', title: 'says' },
  { ...told, text: '? 60_000 : 1000', replacement: '? 1000 : 1000', title: 'is read as' },
  { ...told, sec: 'SEC-59', text: 'Math.min(this.maxMs, Math.max(', replacement: 'Math.max(0, Math.max(', title: 'within the limits' },
  { ...told, text: ', Math.ceil(rtoMs) + 1)', replacement: ', 0)', title: 'above the RTO' },
  { ...told, text: 'if (!this.isChangeable) return;', replacement: '', title: 'CHANGEABLE' },
  { ...told, file: 'src/tcp/options.ts', text: 'if (length === USER_TIMEOUT_LENGTH) into', replacement: 'into', title: 'is read as' },
  { file: 'src/tcp/arrival.ts', test: wire, sec: 'SEC-59', text: 'c.userTimeout === null || seg.options.userTimeoutMs === 0', replacement: 'c.userTimeout === null', title: 'the timeout' },
  { file: 'src/tcp/arrival.ts', test: wire, text: '  c.adoptUserTimeout();\n  // The close', replacement: '  // The close', title: 'is over before keep-alive begins' },
  { file: 'src/tcp/emit.ts', test: wire, text: 'c.userTimeout!.isOwed = false;', replacement: '', title: 'on the first segment after it' },
  { file: 'src/tcp/emit.ts', test: wire, text: ' || c.userTimeout?.isOwed', replacement: '', title: 'text goes behind' },
  { file: 'src/tcp/emit.ts', test: wire, text: 'isWanted && headerLength + USER_TIMEOUT_LENGTH <= 20 + OPTIONS_MAX', replacement: 'isWanted', title: 'leave no room' },
  { file: 'src/tcp/sender.ts', test: wire, text: 'Math.max(c.settings.keepAliveIdleMs, c.userTimeoutMs + 1)', replacement: 'c.settings.keepAliveIdleMs', title: 'before keep-alive begins' },
];

export const PROBE: readonly Mutant[] = [
  { ...probe, text: 'this.first = (this.first + 1) % this.capacity;', replacement: '', title: 'keeps the latest' },
  { ...probe, text: 'this.count = 0;\n    return events;', replacement: 'return events;', title: 'with its windows' },
  { ...probe, text: 'if (lost > 0) ring', replacement: 'if (lost < 0) ring', title: 'a loss' },
  { ...probe, text: 'if (phase !== this.phase) ring', replacement: 'if (phase < 0) ring', title: 'the end of it' },
  { ...probe, text: 'this.isShut = isShut;', replacement: '', title: 'a shut window' },
  { ...probe, text: 'this.held = held;', replacement: '', title: 'a line of text' },
  { ...probe, file: 'src/tcp/sender.ts', text: "b.startOf(last), now, 'tlp');", replacement: 'b.startOf(last), now);', title: 'probe of the tail' },
  { ...probe, file: 'src/tcp/half-open.ts', text: '  c.noteState(c.state);\n', replacement: '', title: 'step by step' },
];
