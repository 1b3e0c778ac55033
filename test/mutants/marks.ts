// Probes of the path's MTU, and marks instead of losses. RFC 4821 §7.4, RFC 3168, RFC 9768.

import type { Mutant } from '../../tools/mutants/mutant.js';

const PROBE_TEST = 'test/script/plpmtud.test.ts';
const ECN_TEST = 'test/unit/tcp/ecn.test.ts';
const MARKS_TEST = 'test/script/ecn.test.ts';

const probe = { file: 'src/tcp/mtu-probe.ts', test: PROBE_TEST };
const ecn = { file: 'src/tcp/ecn.ts', test: ECN_TEST };
const accurate = { file: 'src/tcp/accurate-ecn.ts', test: 'test/unit/tcp/accurate-ecn.test.ts' };
const halfOpen = { file: 'src/tcp/half-open.ts', test: MARKS_TEST };
const emitted = { file: 'src/tcp/emit.ts', test: MARKS_TEST };
const recovery = { file: 'src/tcp/recovery.ts', test: MARKS_TEST };

export const MTU_PROBE: readonly Mutant[] = [
  { ...probe, text: 'length + FOLLOWERS * c.snd.smss', replacement: 'length', title: 'enough text behind it' },
  { ...probe, text: '|| !c.sackPermitted', replacement: '', title: 'none leaves without SACK' },
  { ...probe, text: 'if (isAlone) plpmtud.onLost(now);\n  else plpmtud.onInconclusive();', replacement: 'plpmtud.onLost(now);', title: 'lost with others' },
  { file: 'src/tcp/recovery.ts', test: PROBE_TEST, text: 'if (isProbeAlone(c, lost, now)) return;', replacement: '', title: 'lost alone' },
];

export const MARKS: readonly Mutant[] = [
  { ...ecn, text: 'if ((flags & CWR) !== 0 && bytes > 0) this.echoes = false;', replacement: '', title: 'until CWR comes' },
  { ...ecn, text: 'isNewText && this.isCapable ?', replacement: 'this.isCapable ?', title: 'new text alone' },
  { ...ecn, text: 'this.cwrOwed = false;', replacement: '', title: 'says so once' },
  { file: 'src/tcp/emit.ts', test: MARKS_TEST, text: 'length > 0 && seq === c.snd.nxt;', replacement: 'length > 0;', title: 'new text is ECN-capable' },
  { file: 'src/tcp/emit.ts', test: MARKS_TEST, text: '(c.flow.trafficClass & 0xfc) | ', replacement: '', title: 'DSCP stays' },
  { file: 'src/tcp/arrival.ts', test: MARKS_TEST, text: "c.recovery.phase !== 'open' || c.scoreboard", replacement: 'c.scoreboard', title: 'once in a round trip' },
  { file: 'src/tcp/wire.ts', test: MARKS_TEST, text: 'if ((value & AE) !== 0) b[at + 12]! |= 1;', replacement: '', title: 'all three flags' },
  { ...recovery, text: 'c.congestion.ssthresh, c.snd.smss);\n}\n\n/** Everything', replacement: 'c.congestion.ssthresh, 0);\n}\n\n/** Everything', title: 'does not stop' },
];

/** RFC 9768 §3.2. */
export const ACCURATE_MARKS: readonly Mutant[] = [
  { ...accurate, text: 'segments < DIVACE ? delta : segments - ((segments - delta) & (DIVACE - 1))', replacement: 'delta', title: 'as many marks as may be' },
  { ...accurate, text: 'this.isDeaf = true;\n    } else if', replacement: '\n    } else if', title: 'an ACK of 000' },
  { ...accurate, text: 'if (codepoint === CE && this.cep === CEP_INITIAL) this.cep++;', replacement: 'if (codepoint === CE) this.cep++;', title: 'table 3' },
  { ...accurate, text: 'if (ace !== HANDSHAKE_ACE[NOT_ECT]) this.isCapable = false;', replacement: '', title: 'our SYN was changed' },
  { ...accurate, text: "if (!isBare || this.handshakeCodepoint < 0)", replacement: 'if (this.handshakeCodepoint < 0)', title: 'table 3' },
  { ...accurate, sec: 'SEC-63', text: 'if (options.ee0b === 0 || options.ee1b === 0) this.ignoresOptions = true;', replacement: '', title: 'are not believed' },
  { ...accurate, sec: 'SEC-63', text: 'e0b > FIELD_AHEAD_MAX || ceb > FIELD_AHEAD_MAX || e1b > FIELD_AHEAD_MAX', replacement: 'false', title: 'one that goes back' },
  { ...accurate, sec: 'SEC-63', text: 'if (isMangled) this.isCapable = false;', replacement: '', title: 'are mangling' },
  { ...accurate, text: ' && this.segmentsSince + segments < DIVACE', replacement: '', title: 'may have wrapped' },
  { ...accurate, text: 'this.cepSince + delta === 0', replacement: 'delta === 0', title: 'or told before' },
  { ...accurate, text: 'isMangled ? 0 : delta + DIVACE * Math.ceil(short / DIVACE)', replacement: 'delta', title: 'whether ACE has wrapped' },
  { ...accurate, text: 'const needed = optionFor(this.untold);', replacement: 'const needed = optionFor(E0B);', title: 'where space is short' },
  { ...accurate, text: 'const wanted = optionFor(this.moved);', replacement: 'const wanted = optionFor(this.untold);', title: 'that ever moved' },
  { ...accurate, text: 'this.untold = 0;\n    if', replacement: 'if', title: 'only when one has moved' },
  { ...accurate, text: 'this.marks >= (isOwed ? MARKS_PER_ACK : MARKS_PER_BARE_ACK)', replacement: 'false', title: 'an ACK is due' },
  { ...accurate, text: '(bytes > 0 && isChange) || ', replacement: '', title: 'the first mark after none' },
  { ...accurate, text: '++this.unheard >= UNHEARD_MAX', replacement: '++this.unheard > UNHEARD_MAX', title: 'a third time' },
  { ...accurate, text: 'this.lastHadOption && ++', replacement: '++', title: 'accuse nobody' },
  { ...accurate, text: 'if (this.isAsking) this.isBlocked = true;', replacement: '', title: 'a timeout of the first text' },
  { ...accurate, text: 'ceb - this.bytesSince', replacement: 'ceb', title: 'is not told again' },
  { ...accurate, test: 'test/property/accurate-ecn.test.ts', text: 'b[at] = value >>> 16;', replacement: 'b[at] = 0;' },
  { ...halfOpen, text: 'h.accurateEcn > 0 && !h.isRepeated ?', replacement: 'h.accurateEcn > 0 ?', title: 'goes again without the option' },
  { ...halfOpen, text: 'h.accurateEcn > 0 && cache.repeats(row) > 1', replacement: 'h.accurateEcn > 9', title: 'no word of ECN' },
  { ...halfOpen, text: 'if (seg.ecnFlags === 0) this.cache.setPlain(row);', replacement: '', title: 'a plain one forbids marks' },
  { ...emitted, text: 'c.rcv.dsackOwed || accurate?.owesHandshakeAck', replacement: 'c.rcv.dsackOwed', title: 'goes behind it' },
  { ...emitted, text: 'Math.min(blocks, 2))', replacement: 'blocks)', title: 'before a third SACK block' },
  { ...emitted, text: '|| !(isBare || isNewText)) return 0', replacement: ') return 0', title: 'any other text that goes again' },
  { ...emitted, text: 'if (c.ecn.accurate !== null) return c.snd.smss - accurateLength(c, c.ecn.accurate, blocks);', replacement: '', title: 'makes room for itself' },
  { ...recovery, text: 'if (delivery.segments === 0) return 0;', replacement: '', title: 'brings nothing forward' },
  { file: 'src/tcp/arrival.ts', test: MARKS_TEST, text: 'c.ecn.accurate?.onSynAckAgain(seg.codepoint);', replacement: ';', title: 'comes again is told' },
];
