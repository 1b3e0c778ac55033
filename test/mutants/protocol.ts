// Whose a segment is, what belongs to nobody, ports, ICMP, how large a segment may be. RFC 9293 §3.10.7, RFC 5927, RFC 1337.

import type { Mutant } from '../../tools/mutants/mutant.js';

const file = 'src/tcp/tcp.ts';
const close = 'test/script/close.test.ts';
const icmp = 'test/script/icmp.test.ts';
const handshake = 'test/script/handshake.test.ts';

export const TCP: readonly Mutant[] = [
  {
    file, test: 'test/script/listener.test.ts', title: 'is not answered',
    text: "if (header.cast !== 'unicast') return 'tcp-not-unicast';", replacement: '',
  },
  {
    file, test: 'test/script/receive.test.ts', title: 'whose checksum is wrong',
    fuzz: 'F7', text: '=== 0xffff ? null : ', replacement: '!== 0 ? null : ',
  },
  {
    file, test: close, sec: 'SEC-61', title: 'is not ended by a RST',
    text: "if ((seg.flags & Wire.RST) !== 0) {\n      this.env.counters.drop('tcp-time-wait');\n      return false;\n    }",
    replacement: "if ((seg.flags & Wire.RST) !== 0) {\n      t.remove(row);\n      return false;\n    }",
  },
  {
    file, test: close, sec: 'SEC-61', title: 'does not give way to the very last sequence number',
    text: ': Seq.gt(seg.seq, t.rcvNxt(row));', replacement: ': Seq.ge(seg.seq, t.rcvNxt(row));',
  },
  {
    file, test: close, sec: 'SEC-61', title: 'with timestamps',
    text: '((seg.options.tsVal - t.tsRecent(row)) | 0) > 0', replacement: 'true',
  },
  {
    file, test: close, sec: 'SEC-61', title: 'does not give way where nobody listens',
    text: 'isNewer && this.listenerFor(header.dst, seg.dstPort) !== null', replacement: 'isNewer',
  },
  {
    file, test: close, sec: 'SEC-62', title: 'and a bare ACK nothing',
    text: 'if (seg.length === 0 && seg.seq === t.rcvNxt(row)) return false;', replacement: '',
  },
  {
    file, test: close, sec: 'SEC-60', title: 'is not prolonged by a FIN that was never',
    text: '(seg.flags & Wire.FIN) !== 0 && Seq.add(seg.seq, seg.length) === t.rcvNxt(row)', replacement: '(seg.flags & Wire.FIN) !== 0',
  },
  { file, test: close, text: 't.refresh(row, now + this.options.timeWaitMs);', replacement: '', title: '2MSL begin anew' },
  {
    file, test: close, title: 'speaks with timestamps where the connection did',
    text: '!tsBefore(seg.options.tsVal, t.tsRecent(row))', replacement: 'false',
  },
  {
    file, test: close, title: 'keeps an active open from its tuple',
    text: 'this.timeWait.find(local, localPort, remote, remotePort) < 0', replacement: 'true',
  },
  {
    file, test: close, title: 'gives way to a SYN with a higher sequence number',
    text: 'return Seq.lt(iss, least) ? least : iss;', replacement: 'return iss;',
  },
  {
    file, test: icmp, sec: 'SEC-51', title: 'is a soft error to a connection that stands',
    text: "if (!isSynchronized(c.state)) c.fail('ECONNREFUSED', 'connect');",
    replacement: "if (true) c.fail('ECONNREFUSED', 'connect');",
  },
  { file, test: icmp, text: 'Seq.lt(seq, c.snd.una) || Seq.ge(seq,', replacement: 'Seq.ge(seq,', title: 'that quotes number' },
  {
    file, test: icmp, title: 'that quotes number',
    text: 'Seq.lt(seq, c.snd.una) || Seq.ge(seq,', replacement: 'Seq.lt(seq, c.snd.una) || Seq.gt(seq,',
  },
  {
    file, test: icmp, title: 'is made known and ends nothing',
    text: 'c.trouble(error.code);\n        return true;\n    }', replacement: "c.fail('EHOSTUNREACH');\n        return true;\n    }",
  },
  {
    file, test: handshake, sec: 'SEC-54', title: 'a tiny MSS does not make us send headers',
    text: 'const MSS_MIN = 216;', replacement: 'const MSS_MIN = 1;',
  },
  {
    file, test: handshake, title: 'is refused',
    text: "if (flow.route!.cast !== 'unicast') throw new NetError('ENETUNREACH', 'connect', where);", replacement: '',
  },
  {
    file, test: 'test/script/timestamps.test.ts', sec: 'SEC-70', title: 'our clock is shifted at random',
    text: 'c.ts.offset = this.env.random.u32() | 0;', replacement: '',
  },
  {
    file, test: 'test/script/listener.test.ts', title: 'no more than so many connections exist',
    text: 'this.connectionCount >= this.options.connections', replacement: 'this.connectionCount > this.options.connections',
  },
  {
    file, test: 'test/script/listener.test.ts', title: 'the more specific listener hears it',
    text: 'if (!isUnspecified(l.address)) return l;', replacement: '',
  },
  {
    file, test: 'test/unit/socket-api/tcp.test.ts', title: 'a port in use',
    text: 'here.some((l) => l.address.equals(address))', replacement: 'false',
  },
];
