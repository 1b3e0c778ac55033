// Our own packetdrill scripts hold, and each of them fails where it is bent: the interpreter sees what it says it sees.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';

import { ReceiveQueue, SendQueue } from '../../../../src/byte-queue.js';
import { parse } from '../../../../src/testing/packetdrill/parse.js';
import { type Outcome, run, type RunOptions } from '../../../../src/testing/packetdrill/run.js';

const FOLDER = new URL('../../../script/pkt/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(`${name}.pkt`, FOLDER), 'utf8');

const play = (text: string, options: RunOptions = {}): Outcome => run(parse(text), options);

describe('our scripts hold to the letter', () => {
  test.each(readdirSync(FOLDER))('%s', (name) => {
    expect(play(read(name.replace('.pkt', '')))).toEqual({ kind: 'passed' });
  });
});

describe('what is bent is seen, and said in packetdrill\'s notation', () => {
  test.each([
    ['handshake-and-echo', '> S. 0:0(0) ack 1 <mss 1460', '> S. 0:0(0) ack 1 <mss 1400', 'options'],
    ['handshake-and-echo', 'TS val 530 ecr 130>\n+0    > .  1449', 'TS val 530 ecr 131>\n+0    > .  1449', 'options'],
    ['handshake-and-echo', '> P. 2897', '> .  2897', '> P. 2897:3001(104) ack 6 win 59995 <nop,nop,TS val 530 ecr 130> at 0.03 s: flags'],
    ['handshake-and-echo', '> .  1:1449(1448)', '> .  1:1450(1449)', 'length'],
    ['handshake-and-echo', '> F. 3001:3001(0) ack 6', '> F. 3002:3002(0) ack 6', 'sequence number'],
    ['handshake-and-echo', '> .  3002:3002(0) ack 7', '> .  3002:3002(0) ack 8', 'acknowledgment number'],
    ['handshake-and-echo', 'tcpi_unacked == 0', 'tcpi_unacked == 1', 'tcpi_state = 1, tcpi_unacked = 0'],
    ['handshake-and-echo', '100) = 5', '100) = 6', '5'],
    ['handshake-and-echo', '+.02  < F. 6:6(0) ack 3002', '+.02  < .  6:6(0) ack 3002', 'nothing until 0.171 s'],
    ['connect-blocking', '+0...0.05', '+0...0.02', 'it returned 0 at 0.05 s'],
    ['connect-blocking', '+0...0.3', '+0...0.2', 'it returned 10 at 0.35 s'],
    ['connect-blocking', 'POLLIN | POLLOUT, revents=POLLOUT', 'POLLIN | POLLOUT, revents=POLLIN', 'revents 0x4 of 3'],
    ['connect-blocking', '-1 ECONNRESET', '-1 EPIPE', '-1 ECONNRESET'],
    ['refused', 'ack 8 win 0 <...>', 'ack 9 win 0 <...>', '> R. 0:0(0) ack 8 win 0 at 0 s: acknowledgment number'],
    ['refused', '8080 > 5000 R.', '8081 > 5000 R.', 'ports 8080 > 5000'],
    ['refused', '[ECONNREFUSED]', '[0]', 'value ECONNREFUSED'],
    ['retransmit', '+.25~+.35', '+.35~+.45', 'not 0.45 s to 0.55 s'],
    ['retransmit', '+.5~+.7', '+.1~+.2', 'nothing until'],
    ['retransmit', 'tcp_sack=0', 'tcp_sack=1', '<mss 1460,nop,nop,sackOK> at 0 s: options'],
    ['window', 'ack 4001 win 4000', 'ack 4001 win 3999', 'window'],
    ['udp', '> udp (100)', '> udp (101)', 'udp (100) at 0 s: length'],
    ['udp', '[udp (0)]', '[1:1(0)]', '-1 EAGAIN'],
    ['sack', '<nop,nop,sack 1001:4001>', '<nop,nop,sack 1001:2001>', 'nothing until'],
    ['sack', 'sack 301:401 101:201', 'sack 101:201 301:401', 'options'],
    ['urgent', 'urg 10', 'urg 9', 'urgent pointer'],
    ['urgent', 'TS val 1030', 'TS val 1032', 'options'],
    ['icmp', '[noecn]', '[ect0]', 'ECN: noecn'],
    ['icmp', '> icmp echo_reply id 77', '> icmp echo_reply id 78', 'icmp echo_reply id 77 at'],
  ])('%s: %j became %j', (name, from, to, got) => {
    const text = read(name);
    expect(text).toContain(from);
    const outcome = play(text.replace(from, to));
    expect(outcome).toMatchObject({ kind: 'failed', got: expect.stringContaining(got) as string });
  });

  test('a failure names its line and what was wanted', () => {
    const outcome = play('0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n\n+0 listen(3, 1) = -1 EINVAL');
    expect(outcome).toEqual({ kind: 'failed', line: 4, want: '+0 listen(3, 1) = -1 EINVAL', got: '0' });
  });
});

const SERVER = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+.01 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
`;

test('descriptors are the script\'s own numbers', () => {
  const text = SERVER.replace('IPPROTO_TCP) = 3', 'IPPROTO_TCP) = 30').replaceAll('(3,', '(30,').replace('= 4', '= 40');
  expect(play(`${text}+0 write(40, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n+0 close(30) = 0\n+0 write(30, ..., 1) = -1 EBADF`)).toEqual({ kind: 'passed' });
});

describe('packets', () => {
  test('an expected packet is made up of as many segments in sequence as it takes', () => {
    expect(play(`${SERVER}+0 write(4, ..., 2500) = 2500\n+0 > P. 1:2501(2500) ack 1\n`).kind).toBe('passed');
    expect(play(`${SERVER}+0 write(4, ..., 2500) = 2500\n+0 > P. 1:2301(2300) ack 1\n`)).toMatchObject({ got: expect.stringMatching(/: length$/) as string });
  });

  test('segments that do not follow each other are not made one', () => {
    const again = `${SERVER}+0 write(4, ..., 1000) = 1000\n+0 > P. 1:2001(2000) ack 1\n`;
    expect(play(`--tolerance_usecs=2000000\n${again}`)).toMatchObject({ got: expect.stringContaining('> P. 1:1001(1000)') as string });
  });

  test('what is sent and not expected is a failure at the end', () => {
    expect(play(`${SERVER}+0 write(4, ..., 10) = 10\n`)).toMatchObject({
      kind: 'failed', want: 'nothing more', got: expect.stringContaining('> P. 1:11(10)') as string,
    });
  });

  test('an extra pure ACK is passed over when that is asked for, and nothing else is', () => {
    const text = `${SERVER}+0 < P. 2001:2011(10) ack 1 win 65535\n+.1 < P. 1:11(10) ack 1 win 65535\n+.1 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 11`;
    expect(play(text)).toMatchObject({ kind: 'failed', got: expect.stringContaining('> . 1:1(0) ack 1') as string });
    expect(play(text, { extraAcks: true })).toEqual({ kind: 'passed' });
    const twice = text.replace('+.1 write', '+.1 write(4, ..., 10) = 10\n+0 write');
    expect(play(`${twice}\n`, { extraAcks: true })).toEqual({ kind: 'passed' });
    const noDelay = twice.replace('+0 < P.', '+0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0\n+0 < P.');
    expect(play(noDelay.replace('> P. 1:11(10)', '> P. 11:21(10)'), { extraAcks: true })).toMatchObject({
      got: expect.stringContaining('> P. 1:11(10)') as string,
    });
  });

  test('the text that arrives is the text that is read, byte for byte, and likewise the text that is sent', () => {
    expect(play(`${SERVER}+0 < P. 1:301(300) ack 1 win 65535\n+0 recv(4, ..., 100, MSG_PEEK) = 100\n+0 read(4, ..., 250) = 250\n+0 read(4, ..., 250) = 50
      +0~+.2 > . 1:1(0) ack 301`)).toEqual({ kind: 'passed' });
    expect(play(`${SERVER}+0 write(4, "abc", 3) = 3\n+0 > P. 1:4(3) ack 1`)).toEqual({ kind: 'passed' });
  });

  test('and when it is not, that is seen', () => {
    const [take, fill] = [ReceiveQueue.prototype.copyTo, SendQueue.prototype.copyTo];
    const spies = [
      vi.spyOn(ReceiveQueue.prototype, 'copyTo').mockImplementation(function (this: ReceiveQueue, target, at, end) {
        const copied = take.call(this, target, at, end);
        target[5] = 255;
        return copied;
      }),
      vi.spyOn(SendQueue.prototype, 'copyTo').mockImplementation(function (this: SendQueue, from, length, target, at) {
        fill.call(this, from, length, target, at);
        target[at + 5] = 255;
      }),
    ];
    try {
      expect(play(`${SERVER}+0 < P. 1:301(300) ack 1 win 65535\n+0 read(4, ..., 300) = 300`)).toMatchObject({ got: 'another byte at 5' });
      expect(play(`${SERVER}+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1`)).toMatchObject({
        got: expect.stringContaining('text: another byte at 5') as string,
      });
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });

  test('a time that is wrong is a failure, by the script\'s own tolerance', () => {
    const text = `${SERVER}+0 write(4, ..., 10) = 10\n+.01 > P. 1:11(10) ack 1`;
    expect(play(text)).toMatchObject({ kind: 'failed', got: 'it at 0.01 s, not 0.02 s' });
    expect(play(`--tolerance_usecs=10000\n${text}`)).toEqual({ kind: 'passed' });
  });
});

describe('what no RFC decides is not compared where neutrality is asked for', () => {
  const neutral = { neutral: true };

  test.each([
    ['the order of a SYN\'s options, and its window', '+0 > S. 0:0(0) ack 1 <mss 1460>', '+0 > S. 0:0(0) ack 1 win 1 <eol,mss 1460,nop>'],
    ['how long an ACK is delayed (RFC 9293 §3.8.6.3)', '+0 accept', '+0 < P. 1:11(10) ack 1 win 65535\n+0 > . 1:1(0) ack 11\n+0 accept'],
  ])('%s', (_, from, to) => {
    const text = SERVER.replace(from, to);
    expect(play(text).kind).toBe('failed');
    expect(play(text, neutral)).toEqual({ kind: 'passed' });
  });

  test('but a window of zero, an option that is missing, an ACK of two full segments that comes late', () => {
    expect(play(SERVER.replace('ack 1 <mss 1460>', 'ack 1 win 0 <mss 1460>'), neutral)).toMatchObject({ kind: 'failed' });
    expect(play(SERVER.replace('<mss 1460>', '<mss 1460,sackOK>'), neutral)).toMatchObject({ kind: 'failed' });
    const hole = `${SERVER}+0 < . 2001:2011(10) ack 1 win 65535\n+0 > . 1:1(0) ack 1\n+0 < . 1:11(10) ack 1 win 65535\n+.3 > . 1:1(0) ack 11`;
    expect(play(hole.replace('<mss 1000>', '<mss 1000,sackOK>').replace('<mss 1460>', '<mss 1460,sackOK>')
      .replace(/ack 1\n\+0 < \. 1:/, 'ack 1 <sack 2001:2011>\n+0 < . 1:').replace(/ack 11$/, 'ack 11 <sack 2001:2011>'), neutral))
      .toMatchObject({ kind: 'failed', got: expect.stringContaining('not 0.31 s') as string });
    const late = `${SERVER}+0 < . 1:1461(1460) ack 1 win 65535\n+0 < . 1461:2921(1460) ack 1 win 65535\n+.3 > . 1:1(0) ack 2921`;
    expect(play(late, neutral)).toMatchObject({ kind: 'failed', got: expect.stringContaining('not 0.31 s') as string });
  });
});

test('a condition of the shell\'s holds, or the script fails', () => {
  const count = (state: string, n: number): string => `+0 \`sockstat -4 -P tcp -s -p 8080 | grep -c ${state} | grep ${n}\`\n`;
  expect(play(`${SERVER}${count('TIME_WAIT', 1)}`)).toMatchObject({ got: '0 in TIME_WAIT' });
  const steps = SERVER.split('\n');
  const half = (n: number): string => [...steps.slice(0, 5), count('SYN_RCVD', n), ...steps.slice(5), count('SYN_RCVD', 0)].join('\n');
  expect(play(half(1))).toEqual({ kind: 'passed' });
  expect(play(half(0))).toMatchObject({ got: '1 in SYN_RCVD' });
  const reset = `${SERVER}+0 < R. 1:1(0) ack 1 win 0\n`;
  expect(play(`${reset}+0 \`sockstat -4 -P tcp -s | grep packetdril | grep -c CLOSED | grep 1\``)).toEqual({ kind: 'passed' });
  expect(play(`${SERVER}${count('CLOSED', 1)}`)).toMatchObject({ got: '0 in CLOSED' });
});

test('ICMP by number, and with what it speaks of in front; an answer to a ping is not the socket\'s', () => {
  const sent = `${SERVER}+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1\n`;
  const told = (error: string, code: string): Outcome =>
    play(`${sent}+0 setsockopt(4, SOL_IP, IP_RECVERR, [1], 4) = 0\n+0 < ${error}\n+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [${code}], [4]) = 0`);
  expect(told('icmp type_3 code_1 [1:101(100)]', 'EHOSTUNREACH')).toEqual({ kind: 'passed' });
  expect(told('icmp unreachable code_1 [1:101(100)]', 'EHOSTUNREACH')).toEqual({ kind: 'passed' });
  expect(told('[1:101(100)] icmp unreachable host_unreachable', 'EHOSTUNREACH')).toEqual({ kind: 'passed' });
  expect(told('[101:101(0)] icmp unreachable host_unreachable', '0')).toEqual({ kind: 'passed' });
  expect(play(`${SERVER}+0 < icmp type_256 code_0`)).toMatchObject({ kind: 'skipped' });
  expect(play(`${SERVER}+0 < icmp echo_request id 7\n+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1`)).toEqual({ kind: 'passed' });
});

describe('what is not understood is skipped, with its reason', () => {
  test.each([
    ['0 epoll_create(1) = 5', 'line 1: system call epoll_create'],
    ['0 socket(..., SOCK_PLAIN, 0) = 3', 'line 1: constant SOCK_PLAIN'],
    ['0 `tc qdisc add dev tun0 root fq`', 'shell: tc qdisc add dev tun0 root fq'],
    ['0 `sysctl -q net.ipv4.tcp_mystery=1`', 'sysctl net.ipv4.tcp_mystery'],
    ['0 %{ assert tcpi_mystery == 1 }%', 'line 1: Python: tcpi_mystery == 1'],
    ['0 < icmp mystery', 'line 1: ICMP mystery '],
  ])('%s', (text, reason) => {
    expect(play(text)).toEqual({ kind: 'skipped', reason });
  });
});
