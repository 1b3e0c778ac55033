// Networks in a test: the switch, the NAT, rules, time. RFC 4787, RFC 5382, RFC 5508, RFC 8289, IEEE 802.1D.

import type { Mutant } from '../../tools/mutants/mutant.js';

const test = 'test/unit/testing/network.test.ts';
const bridge = { file: 'src/link/switch.ts', test } as const;
const bridgeItself = { file: 'src/link/switch.ts', test: 'test/unit/link/switch.test.ts' } as const;
const codel = { file: 'src/testing/codel.ts', test: 'test/unit/testing/codel.test.ts' } as const;
const end = { file: 'src/testing/link.ts', test } as const;
const nat = { file: 'src/testing/nat.ts', test } as const;
const natHost = { file: 'src/testing/nat-host.ts', test } as const;
const link = { file: 'src/testing/network-link.ts', test } as const;
const network = { file: 'src/testing/network.ts', test } as const;
const clock = { file: 'src/testing/network-clock.ts', test } as const;
const queue = { file: 'src/testing/event-queue.ts', test: 'test/unit/testing/fake-timers.test.ts' } as const;
const timers = { file: 'src/testing/node/fake-timers.ts', test: 'test/unit/testing/fake-timers.test.ts' } as const;
const requests = { file: 'src/testing/node/request-clock.ts', test: 'test/unit/testing/http.test.ts' } as const;
const web = { file: 'src/testing/node/http.ts', test: 'test/unit/testing/http.test.ts' } as const;
const replays = { file: 'src/testing/replay.ts', test: 'test/unit/testing/replay.test.ts' } as const;
const fixture = { file: 'src/testing/fixture.ts', test: 'test/unit/testing/replay.test.ts' } as const;
const notation = { file: 'src/testing/segment-notation.ts', test: 'test/unit/testing/vitest.test.ts' } as const;

export const LABORATORY: readonly Mutant[] = [
  { ...bridge, text: 'known.port.device.transmit(frame);', replacement: 'this.flood(from, frame);', title: 'frames for one go to one' },
  { ...bridge, text: 'if (port === from) continue;', replacement: '', title: 'frames for one go to one' },
  { ...nat, text: "if (kind === 'full-cone') return true;", replacement: '', title: 'full-cone: who may answer' },
  { ...nat, text: "if (kind !== 'restricted-cone') return", replacement: "if (kind === 'restricted-cone') return", title: 'who may answer' },
  { ...nat, text: "=== 'symmetric' ?", replacement: "=== 'full-cone' ?", title: 'whether two destinations see the same port' },
  { ...nat, text: '&& !isOutward && ', replacement: '&& isOutward && ', title: 'forgets a mapping' },
  { ...nat, text: 'rewrite(b, quote, quote + 12,', replacement: 'rewrite(b, quote, quote + 16,', title: 'carries errors' },
  { ...nat, text: 'sumIcmp(b, icmp, end);\n    rewrite(b, at, at + 16', replacement: 'rewrite(b, at, at + 16', title: 'passes on what a router beyond' },
  { ...nat, text: 'sum = adjust(sum, oldPort, port);', replacement: '', title: 'lets insiders out as one' },
  { ...nat, text: "if (protocol !== ICMP) before.forEach((word, i) => { sum = adjust(sum, word, after[i]!); });", replacement: '', title: 'lets insiders out as one' },
  { ...natHost, text: "|| (outcome === 'unmapped' && this.isForItself(b, at))", replacement: "|| outcome === 'unmapped'", title: 'says nothing to who comes unasked' },
  { ...link, text: 'wanted.includes(++seen)', replacement: 'wanted.includes(seen++)', title: 'exactly the third' },
  { ...link, text: 'if (!rule.sides[side]) continue;', replacement: '', title: 'rules see what passes' },
  { ...link, text: 'for (const { packet, end } of rule.held) end.launch(packet);', replacement: '', title: 'what is held waits' },
  { ...link, text: 'this.layers.splice(this.layers.indexOf(layer), 1);', replacement: 'this.layers.pop();', title: 'faults lie on top' },
  { ...network, text: 'if (host.isDown) return;', replacement: '', title: 'a machine that stands still' },
  { ...network, text: 'if (stack.announcements !== before) this.isTouched = true;', replacement: '', title: 'reach each other over a link' },
  { ...network, text: 'this.random.fork(`link ${name}`)', replacement: 'this.random.fork(`link ${this.links.length - this.machines.length}`)', title: 'gives each its own dice' },
  { file: 'src/testing/codel.ts', test, text: 'return t + this.intervalMs / Math.sqrt(this.count);', replacement: 'return t + 1e9;', title: 'CoDel holds down' },
  { file: 'src/testing/routing.ts', test, text: 'edge = next;', replacement: 'edge = [];', title: 'behind routers' },
  { file: 'src/testing/partitions.ts', test, text: 'wall.to.includes(host) && ', replacement: '', title: 'a partition parts' },
  { ...network, text: 'this.now + ms;\n    // The caller has done something, and what follows from it follows now.\n    this.isTouched = true;', replacement: 'this.now + ms;', title: 'does not pass before' },
  { ...network, test: timers.test, text: 'if (this.calls.happen(now)) this.isTouched', replacement: 'while (this.calls.happen(now)) this.isTouched', title: 'ring by the network’s clock' },
  { ...network, test: timers.test, text: 'hasWaited = this.outsideWork.size > 0;', replacement: 'hasWaited = false;', title: 'for work of the real world' },
  { ...clock, text: 'Math.max(this.now(), time)', replacement: 'Math.max(this.time, time)', title: 'follows fake timers' },
  { ...queue, text: 'if (entry.order !== order || entry.target === null) return;', replacement: 'if (entry.target === null) return;', title: 'what is called off' },
  { ...queue, text: 'this.dead++;', replacement: '', title: 'what is called off' },
  { ...timers, text: 'if (this.repeats) this.refresh();', replacement: 'if (this.repeats && this.ms > 1e9) this.refresh();', title: 'ring by the network’s clock' },
  { ...timers, text: 'delay >= 1 && delay', replacement: 'delay', title: 'are as Node’s' },
  { ...timers, text: 'signal?.addEventListener', replacement: 'null?.addEventListener', title: 'are those of the modules' },
  { ...timers, text: 'put(Math, { random: network.chance }),', replacement: '', title: 'come with the date' },
  { ...timers, text: 'for (const each of undo.reverse()) each();', replacement: '', title: 'come with the date' },
  { ...requests, text: "if (progress === 'begun') message.startedAt", replacement: "if (progress === 'whole') message.startedAt", title: 'counts from the beginning' },
  { ...requests, text: "progress === 'headers' ? NEVER : headersTimeout", replacement: "progress === 'headers' ? headersTimeout : NEVER", title: 'headers that do not end' },
  { ...requests, text: 'Math.ceil(since / this.everyMs)) * this.everyMs', replacement: 'since / this.everyMs) * this.everyMs', title: 'looks that are closer together' },
  { ...web, text: "if (this.sendDate && !this.hasHeader('date'))", replacement: 'if (false)', title: 'is served and asked for' },
  { ...notation, text: "(time.startsWith('+') ? before?.frame.time ?? 0 : 0)", replacement: '0', title: 'says where what was sent parts' },
  { ...replays, text: '...(path && { path, endOnFailure: true }),', replacement: '', title: 'follows from the network' },
  { ...replays, text: "{ replayPath }) };\n  return", replacement: "{}) };\n  return", title: 'is read as it was written' },
  { ...replays, text: '...(replayPath !== undefined && { replayPath })', replacement: '', title: 'as commands has a path' },
  { ...fixture, text: 'const seed = check === null ? String(net.seed) : replayLine(net.seed, check);', replacement: 'const seed = String(net.seed);', title: 'follows from the network' },
  { ...fixture, text: '{ ...options, seed: first.seed }', replacement: 'options', title: 'has one seed for both' },
  { ...fixture, text: 'if (first !== null) checkSame(first, net);', replacement: '', title: 'has one seed for both' },
  { ...fixture, text: 'at < 0 ? first.frames.length : at', replacement: 'at', title: 'is told what one run sent more' },
  { ...bridgeItself, text: 'now - known.heardAt >= this.ageingMs', replacement: 'now - known.heardAt > this.ageingMs', title: 'learns anew who has moved' },
  { ...bridgeItself, text: 'known.port = port;', replacement: '', title: 'learns anew who has moved' },
  { ...bridgeItself, text: 'port.device.transmit(this.copyOf(frame));', replacement: 'port.device.transmit(frame.hold());', title: 'copies what it floods' },
  { ...end, text: 'if (!packet.isShared) return packet;', replacement: 'return packet;', title: 'at a switch all hear' },
  { ...end, file: 'src/testing/flight-queue.ts', test: 'test/unit/testing/flight-queue.test.ts', text: 'lane.lastAt <= at && ', replacement: '', title: 'a queue of flights' },
  { ...end, file: 'src/testing/flight-queue.ts', test: 'test/unit/testing/flight-queue.test.ts', text: '&& others.nextOrder < order', replacement: '', title: 'who fits in no line' },
  { ...codel, text: 'this.intervalMs / Math.sqrt(this.count)', replacement: 'this.intervalMs / this.count', title: 'then by the control law' },
  { ...codel, text: 'this.firstAboveTime = now + this.intervalMs;', replacement: 'this.firstAboveTime = now;', title: 'a burst that is gone' },
  { ...codel, text: 'const head = this.mark(packet) ? packet : this.drop(packet, now);', replacement: 'const head = this.drop(packet, now);', title: 'marks in place of dropping' },
];
