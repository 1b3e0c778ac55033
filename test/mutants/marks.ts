// Probes of the path's MTU, and marks instead of losses. RFC 4821 §7.4, RFC 3168, RFC 9768.

import type { Mutant } from '../../tools/mutants/mutant.js';

const PROBE_TEST = 'test/script/plpmtud.test.ts';
const ECN_TEST = 'test/unit/tcp/ecn.test.ts';
const MARKS_TEST = 'test/script/ecn.test.ts';

const probe = { file: 'src/tcp/mtu-probe.ts', test: PROBE_TEST };
const ecn = { file: 'src/tcp/ecn.ts', test: ECN_TEST };

export const MTU_PROBE: readonly Mutant[] = [
  { ...probe, text: 'length + FOLLOWERS * c.snd.smss', replacement: 'length', title: 'enough text behind it' },
  { ...probe, text: '|| !c.sackPermitted', replacement: '', title: 'none leaves without SACK' },
  { ...probe, text: 'if (isAlone) plpmtud.onLost(now);\n  else plpmtud.onInconclusive();', replacement: 'plpmtud.onLost(now);', title: 'lost with others' },
  { file: 'src/tcp/recovery.ts', test: PROBE_TEST, text: 'if (isProbeAlone(c, lost, now)) return;', replacement: '', title: 'lost alone' },
];

export const MARKS: readonly Mutant[] = [
  { ...ecn, text: 'if ((flags & CWR) !== 0 && bytes > 0) this.echoes = false;', replacement: '', title: 'until CWR comes' },
  { ...ecn, text: 'segments < DIVACE ? delta : segments - ((segments - delta) & (DIVACE - 1))', replacement: 'delta', title: 'what ACE tells' },
  { ...ecn, text: 'this.isCapable && isNewText ?', replacement: 'this.isCapable ?', title: 'new text alone' },
  { ...ecn, text: 'this.cwrOwed = false;', replacement: '', title: 'says so once' },
  { ...ecn, text: 'if (ace === 0) this.isCapable = false;', replacement: '', title: 'an ACK of 000' },
  { file: 'src/tcp/emit.ts', test: MARKS_TEST, text: 'length > 0 && seq === c.snd.nxt)', replacement: 'length > 0)', title: 'new text is ECN-capable' },
  { file: 'src/tcp/emit.ts', test: MARKS_TEST, text: '(c.flow.trafficClass & 0xfc) | ', replacement: '', title: 'DSCP stays' },
  { file: 'src/tcp/arrival.ts', test: MARKS_TEST, text: "c.recovery.phase !== 'open' || c.scoreboard", replacement: 'c.scoreboard', title: 'once in a round trip' },
  { file: 'src/tcp/wire.ts', test: MARKS_TEST, text: 'if ((value & AE) !== 0) b[at + 12]! |= 1;', replacement: '', title: 'all three flags' },
];
