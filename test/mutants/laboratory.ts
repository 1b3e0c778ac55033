// Networks in a test: the switch, the NAT, rules, time. RFC 4787, RFC 5382, RFC 5508, RFC 8289, IEEE 802.1D.

import type { Mutant } from '../../tools/mutants/mutant.js';

const test = 'test/unit/testing/network.test.ts';
const bridge = { file: 'src/link/switch.ts', test } as const;
const nat = { file: 'src/testing/nat.ts', test } as const;
const natHost = { file: 'src/testing/nat-host.ts', test } as const;
const link = { file: 'src/testing/network-link.ts', test } as const;
const network = { file: 'src/testing/network.ts', test } as const;

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
];
