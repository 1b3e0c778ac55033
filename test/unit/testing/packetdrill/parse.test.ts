// Packetdrill's notation, read and written again. The snippets are ours; what they mean is packetdrill's.

import { describe, expect, test } from 'vitest';

import type { Event, Step } from '../../../../src/testing/packetdrill/ast.js';
import { parse } from '../../../../src/testing/packetdrill/parse.js';
import { printEvent, printScript, printStep } from '../../../../src/testing/packetdrill/print.js';

const stepsOf = (text: string): readonly Step[] => parse(text).steps;
const eventOf = (text: string): Event => stepsOf(`0 ${text}`)[0]!.event;

describe('what is read is what was written', () => {
  test.each([
    '< S 0:0(0) win 1000 <mss 1000,sackOK,nop,nop,nop,wscale 7>',
    '> S. 0:0(0) ack 1 <...>',
    '> . 1:1(0) ack 1 win 0',
    '> P.5 1:1001(1000) ack 1',
    '> SEWA 0:0(0)',
    '< - 1:1(0)',
    '< U. 1:11(10) ack 1 win 10 urg 5',
    '< 5000 > 80 . 1:1(0) ack 1 win 5',
    '> [ect0] . 1:1(0) ack 1 <nop,nop,TS val 100 ecr 200>',
    '> [tos 0x10] . 1:1(0) ack 1',
    '< [ttl 5] R 4294967295:0(1)',
    '> . 1:1(0) ack 1 <nop,nop,sack 5:6 7:8>',
    '> S 0:0(0) <mss 1460,FO 0102aabb>',
    '> S 0:0(0) <mss 1460,FOEXP,nop,eol>',
    '> . 1:1(0) ack 1 <nop,ECN e1b 1 ceb 0 e0b 1,nop>',
    '< udp 1000 > 2000 (100)',
    '> udp (0)',
    '< icmp unreachable frag_needed mtu 1200 [1:1001(1000)]',
    '< icmp echo_request id 5',
    '< icmp unreachable port_unreachable [udp (4)]',
    'socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
    'read(4, ..., 1000) = -1 EAGAIN',
    'setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0',
    'connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}, ...) = 0',
    'sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 10}, {..., 20}], msg_flags=0}, MSG_DONTWAIT | MSG_MORE) = 30',
    'poll([{fd=4, events=POLLIN | POLLOUT, revents=POLLOUT}], 1, 0) = 1',
    'write(4, "a\\x0ab\\"", 4) = 4',
    'fcntl(3, F_GETFL) = 0x2',
    'close(4) = ?',
    '`sysctl -w net.ipv4.tcp_sack=0`',
    '%{ assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd }%',
  ])('%s', (text) => {
    expect(printEvent(eventOf(text))).toBe(text);
  });
});

describe('times', () => {
  test.each([
    ['0.5', { kind: 'absolute', from: 500, to: null }],
    ['+.001', { kind: 'relative', from: 1, to: null }],
    ['+.1~+.3', { kind: 'relative', from: 100, to: 300 }],
    ['1~2', { kind: 'absolute', from: 1000, to: 2000 }],
    ['*', { kind: 'any', from: 0, to: null }],
  ])('%s', (text, time) => {
    expect(stepsOf(`${text} close(3) = 0`)[0]!.time).toEqual(time);
  });

  test('a call that blocks tells when it returns', () => {
    const [step] = stepsOf('+.1...0.25 accept(3, ..., ...) = 4');
    expect(step).toMatchObject({ time: { from: 100 }, event: { end: 250, name: 'accept' } });
    expect(printStep(step!)).toBe('+0.1...0.25 accept(3, ..., ...) = 4');
  });
});

describe('what is no event', () => {
  test('comments of all kinds are nothing, and lines are still counted', () => {
    const steps = stepsOf('// one\n/* two\n three */ 0 close(3) = 0 // "four"\n# five\n+0 close(4) = 0');
    expect(steps.map(({ line }) => line)).toEqual([3, 5]);
  });

  test('options stand in front', () => {
    expect(parse('--mtu=1400 --define="A=1"\n--dry_run\n').options).toEqual([
      { name: 'mtu', value: '1400' }, { name: 'define', value: 'A=1' }, { name: 'dry_run', value: '' },
    ]);
  });

  test('of what is conditional, we are the standard', () => {
    const text = '#ifdef STANDARD\n0 close(1) = 0\n#else\n0 close(2) = 0\n#endif\n#ifdef FreeBSD\n0 close(3) = 0\n#endif\n0 close(4) = 0';
    const closed = (defined: string[]): number[] => parse(text, 'f', new Set(defined)).steps.map(({ line }) => line);
    expect(closed(['STANDARD'])).toEqual([2, 9]);
    expect(closed(['FreeBSD'])).toEqual([4, 7, 9]);
  });
});

describe('what is not understood says where', () => {
  test.each([
    ['0 close(3) = 0\n0 < X 1:1(0)', 'f:2: TCP flags expected at "X 1:1(0)"'],
    ['0 < . 1:5(5) ack 1', 'f:1: 1:5 is not 5 long at " ack 1"'],
    ['0 < . 1:1(0) ack 1 <mystery 5>', 'f:1: TCP option mystery is not understood at " 5>"'],
    ['0 > ipv4 1.1.1.1 > 2.2.2.2: . 1:1(0)', 'f:1: only plain TCP, UDP and ICMP are understood at "ipv4 1.1.1.1 > 2.2.2.2: . 1:1(0)"'],
    ['close(3) = 0', 'f:1: a time expected at "close(3) = 0"'],
  ])('%s', (text, message) => {
    expect(() => parse(text, 'f')).toThrow(message);
  });
});

test('a whole script, written and read again, is the same', () => {
  const text = '--ip_version=ipv6\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0.1~+0.2 > S 0:0(0) <...>\n* %{ print 1 }%\n';
  expect(printScript(parse(text))).toBe(text);
});
