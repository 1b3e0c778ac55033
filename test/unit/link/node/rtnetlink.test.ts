// Requests of rtnetlink(7), against messages written by hand from <linux/rtnetlink.h>, <linux/if_link.h> and
// <linux/if_addr.h>. That the kernel understands them, test/interop/tun.test.ts shows.

import { describe, expect, test } from 'vitest';

import { address } from '../../../../src/address.js';
import { fromHex, hex } from '../../../../src/bytes.js';
import { prefixOf } from '../../../../src/link/node/kernel-side.js';
import type { Linux } from '../../../../src/link/node/linux.js';
import {
  addressRequest, change, isLocal, mtuRequest, routeRequest, txQueueLengthRequest, upRequest,
} from '../../../../src/link/node/rtnetlink.js';

/** Without spaces; the fields stand as in the headers: length, type, flags, sequence, port; then what it is about. */
const message = (text: string): string => hex(fromHex(text));

describe('what the kernel is asked', () => {
  test('bring a link up, and leave its other flags alone', () => {
    expect(hex(upRequest(258))).toBe(message(`
      20000000 1000 0500 00000000 00000000
      00 00 0000 02010000 01000000 01000000`));
  });

  test('set its MTU, or the length of its queue', () => {
    expect(hex(mtuRequest(3, 9000))).toBe(message(`
      28000000 1000 0500 00000000 00000000
      00 00 0000 03000000 00000000 00000000
      0800 0400 28230000`));
    expect(hex(txQueueLengthRequest(3, 70_000))).toBe(message(`
      28000000 1000 0500 00000000 00000000
      00 00 0000 03000000 00000000 00000000
      0800 0d00 70110100`));
  });

  test('give it an IPv4 address', () => {
    expect(hex(addressRequest(3, prefixOf('10.0.0.1/24')))).toBe(message(`
      28000000 1400 0506 00000000 00000000
      02 18 00 00 03000000
      0800 0200 0a000001
      0800 0100 0a000001`));
  });

  test('give it an IPv6 address that needs no duplicate address detection', () => {
    expect(hex(addressRequest(3, prefixOf('fd00::1/64')))).toBe(message(`
      40000000 1400 0506 00000000 00000000
      0a 40 02 00 03000000
      1400 0200 fd000000000000000000000000000001
      1400 0100 fd000000000000000000000000000001`));
  });
});

test('the kernel is asked which way packets to an address go', () => {
  expect(hex(routeRequest(address('fd00::1')))).toBe(message(`
    30000000 1a00 0100 00000000 00000000
    0a 80 00 00 00 00 00 00 00000000
    1400 0100 fd000000000000000000000000000001`));
  expect(hex(routeRequest(address('10.0.0.1')))).toBe(message(`
    24000000 1a00 0100 00000000 00000000
    02 20 00 00 00 00 00 00 00000000
    0800 0100 0a000001`));
});

describe('what it answers', () => {
  /** A kernel whose answer to any request is this; `closed` tells what happened to its sockets. */
  function kernel(calls: Partial<Linux>): { linux: Linux; closed: number[] } {
    const closed: number[] = [];
    const defaults: Partial<Linux> = {
      socket: () => 7,
      send: (_fd, _from, bytes) => bytes,
      errno: () => 12,
      close: (fd) => closed.push(fd),
    };
    return { linux: { ...defaults, ...calls } as Linux, closed };
  }

  /** A kernel that answers this, whatever it is asked. */
  function answering(text: string): { linux: Linux; closed: number[] } {
    const answer = fromHex(text);
    return kernel({
      receive(_fd, into) {
        into.set(answer);
        return answer.length;
      },
    });
  }

  // NLMSG_ERROR (netlink(7)): a header, the errno negated, and the request's header.
  test.each([['00000000', 0], ['ffffffff', 1], ['efffffff', 17], ['a1ffffff', 95]])('errno %s is %i', (negated, errno) => {
    const { linux, closed } = answering(`24000000 0200 0000 00000000 00000000 ${negated} ${hex(upRequest(3).subarray(0, 16))}`);
    expect(change(linux, upRequest(3))).toBe(errno);
    expect(closed).toEqual([7]);
  });

  test.each([
    ['of its own', '1800 0000', '02', true],
    ["of somebody else's", '1800 0000', '01', false],
    ['of nobody: an error', '0200 0000', '02', false],
  ])('an address %s', (_, type, kind, local) => {
    const { linux, closed } = answering(`30000000 ${type} 00000000 00000000 0a 80 00 00 ff 02 00 ${kind} 00000000`);
    expect(isLocal(linux, address('fd00::1'))).toBe(local);
    expect(closed).toEqual([7]);
  });

  test('nothing, where there is no netlink, or it takes or says nothing', () => {
    expect(change(kernel({ socket: () => -1 }).linux, upRequest(3))).toBe(12);
    expect(isLocal(kernel({ socket: () => -1 }).linux, address('fd00::1'))).toBe(false);
    for (const call of ['send', 'receive']) {
      const { linux, closed } = kernel({ [call]: () => -1 });
      expect(change(linux, upRequest(3))).toBe(12);
      expect(closed).toEqual([7]);
    }
  });
});
