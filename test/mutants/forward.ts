// A router's duties. RFC 1812 §5, RFC 791 §3.2, RFC 8200 §3 and §5.

import type { Mutant } from '../../tools/mutants/mutant.js';

const forward = { file: 'src/ip/forward.ts', test: 'test/unit/ip/forward.test.ts' } as const;
const cutting = { file: 'src/ip/fragmentation.ts', test: 'test/unit/ip/forward.test.ts' } as const;

export const FORWARD: readonly Mutant[] = [
  { ...forward, text: "h.linkCast !== 'unicast' || ", replacement: '', title: 'what came as a broadcast of the link' },
  { ...forward, text: 'if (isLinkLocal(h.src)) return', replacement: 'if (false) return', title: 'a link-local source' },
  { ...forward, text: 'if (isLinkLocal(h.dst)) return', replacement: 'if (false) return', title: 'a link-local destination' },
  { ...forward, text: "ip.errors?.report('net-unreachable', 0, 0, packet, h, now);", replacement: '', title: 'has nowhere to go' },
  { ...forward, text: 'route.interface.isBroadcast(h.dst)', replacement: 'false', title: 'a broadcast into a subnet' },
  { ...forward, text: 'route.interface === from && ', replacement: '', title: 'goes on as it came' },
  { ...forward, text: "from.device.medium === 'ip'", replacement: 'false', title: 'would go back on a line between two' },
  { ...forward, text: 'h.hopLimit <= 1', replacement: 'h.hopLimit <= 0', title: 'has 1 hops left' },
  { ...forward, text: 'h.hopLimit <= 1', replacement: 'h.hopLimit <= 2', title: 'goes on as it came' },
  { ...forward, text: '<= route.interface.mtu) {\n      this.send(packet', replacement: '< route.interface.mtu) {\n      this.send(packet', title: 'must not be cut' },
  { ...forward, text: 'step === 0 || (Wire', replacement: 'step === 0 || !(Wire', title: 'and may be cut, is' },
  { ...forward, text: "'packet-too-big', 0, mtu,", replacement: "'packet-too-big', 0, 0,", title: 'of IPv6 is never cut' },
  { ...forward, text: 'h.family === 6 ? 0 : ', replacement: '', title: 'of IPv6 is never cut' },
  { ...forward, text: "if (packet.checksum === 'partial') completeChecksum(packet);", replacement: '', title: 'wanted the sum finished' },
  { ...forward, text: 'setU16(b, at + 10, adjust(Wire.checksum4(b, at), before, before - 0x100));', replacement: '', title: 'goes on as it came' },
  { ...forward, text: 'b[at + 7]!--;', replacement: '', title: 'of IPv6 likewise' },
  { ...forward, text: 'known.generation === routes.generation && ', replacement: '', title: 'follows the table when it changes' },
  { ...forward, text: ' && known.dst.equals(dst)', replacement: '', title: 'goes to the gateway of the longest prefix' },
  { ...forward, text: ' + packet.segmentSize;', replacement: ';', title: 'goes on whole where each of them fits' },
  { ...forward, text: 'h.at = piece.network;', replacement: '', title: 'goes on whole where each of them fits' },
  { ...cutting, text: 'isLast ? word & Wire.MORE_FRAGMENTS : Wire.MORE_FRAGMENTS', replacement: 'isLast ? 0 : Wire.MORE_FRAGMENTS', title: 'is a fragment: offsets count on' },
  { ...cutting, text: '(word & 0x1fff) + ', replacement: '', title: 'is a fragment: offsets count on' },
  { ...cutting, text: 'if (b[at]! >= 0x80) {', replacement: 'if (true) {', title: 'and has options' },
  { ...cutting, text: 'b[at] === NO_OPERATION ? 1 : ', replacement: '', title: 'and has options' },
  { file: 'src/ip/ipv4.ts', test: 'test/unit/ip/forward.test.ts', text: 'this.sourceRefusal(from) ?? this.checkOptions(packet, now) ?? ip.forwarder', replacement: 'this.checkOptions(packet, now) ?? ip.forwarder', title: 'our own address as its source' },
  { file: 'src/ip/ipv4.ts', test: 'test/unit/ip/forward.test.ts', text: '?? this.checkOptions(packet, now) ?? ip.forwarder', replacement: '?? ip.forwarder', title: 'a source route' },
  { file: 'src/ip/ipv4.ts', test: 'test/unit/ip/forward.test.ts', text: " && ip.header.cast === 'unicast') this", replacement: ') this', title: 'a group' },
  { file: 'src/ip/ipv6.ts', test: 'test/unit/ip/forward.test.ts', text: 'this.sourceRefusal(from) ?? this.ip.forwarder', replacement: 'this.ip.forwarder', title: 'of IPv6: our own address' },
  { file: 'src/icmp/ndp.ts', test: 'test/unit/icmp/ndp.test.ts', text: 'this.ip.forwarding ? Wire.ROUTER : 0', replacement: '0', title: 'a router says that it is one' },
  { file: 'src/ip/ip.ts', test: 'test/unit/ip/forward.test.ts', text: 'if (!this.isLocal(quote.src)) {', replacement: 'if (false) {', title: 'a neighbour that does not answer' },
  { file: 'src/ip/ip.ts', test: 'test/unit/ip/forward.test.ts', text: 'if (this.isRouter) this.joinRouters(added);', replacement: '', title: 'in the routers' },
];
