// A device that cannot be had says why, by a code, and what to do about it.

import { afterEach, describe, expect, test, vi } from 'vitest';

import { NetError } from '../../../../src/errors.js';
import { randomLinkAddress } from '../../../../src/link/node/link-address.js';
import { prefixOf, refusal } from '../../../../src/link/node/kernel-side.js';
import { codeOf, type Linux, loadLinux, requireKoffi } from '../../../../src/link/node/linux.js';
import { attachRefusal, negotiate, openRefusal, openTun } from '../../../../src/link/node/tun.js';

afterEach(() => vi.unstubAllGlobals());

describe('what is missing', () => {
  test('koffi', () => {
    const missing = (): never => {
      throw Object.assign(new Error("Cannot find module 'koffi'"), { code: 'MODULE_NOT_FOUND' });
    };
    expect(() => requireKoffi(missing)).toThrow('open ENOSYS: the package koffi is not installed; run: npm install koffi');
  });

  test('koffi for this machine', () => {
    const broken = (): never => {
      throw new Error('Cannot find the native Koffi module');
    };
    expect(() => requireKoffi(broken)).toThrow('does not load here: Cannot find the native Koffi module');
  });

  test('Linux', () => {
    vi.stubGlobal('process', { ...process, platform: 'darwin' });
    expect(() => loadLinux()).toThrow(expect.objectContaining({
      code: 'ENOTSUP', message: 'open ENOTSUP: TUN devices are opened on Linux only, and this is darwin',
    }) as Error);
  });

  test.each([[2, 'ENOENT'], [19, 'ENODEV'], [6, 'ENXIO']])('/dev/net/tun (errno %i)', (errno, code) => {
    const error = openRefusal(errno);
    expect(error).toMatchObject({ code, syscall: 'open' });
    expect(error.message).toContain('modprobe tun');
  });

  test.each([[1, 'EPERM'], [13, 'EACCES']])('permission (errno %i)', (errno, code) => {
    for (const error of [openRefusal(errno), attachRefusal(errno, 'tun0', 'ip'), refusal(errno, 'ioctl', 'cannot')]) {
      expect(error.code).toBe(code);
      expect(error.message).toContain('run as root, or under `unshare -Urn`');
      expect(error.message).toContain('ip tuntap add dev');
    }
  });

  test('the name, taken or of something else', () => {
    expect(attachRefusal(16, 'tun0', 'ip').message).toBe('ioctl EBUSY: tun0 is open in another program; close it there, or take another name');
    expect(attachRefusal(22, 'eth0', 'ethernet').message).toContain('eth0 is no TAP device');
  });

  test('a name for the errno', () => {
    expect(refusal(7, 'ioctl', 'cannot make the TUN device tun0').message).toBe('ioctl EIO: cannot make the TUN device tun0 (errno 7)');
    expect(codeOf(16)).toBe('EBUSY');
  });
});

// Checked before anything is opened, so that it needs neither Linux nor permission.
describe('arguments that make no sense', () => {
  test.each(['10.0.0.1', '10.0.0.1/33', 'fd00::1/129', 'tun0', ''])("the address '%s'", (text) => {
    expect(() => openTun({ addresses: [text] })).toThrow(NetError);
    expect(() => openTun({ addresses: [text] })).toThrow('is not an address with a prefix length, as 10.0.0.1/24 or fd00::1/64');
  });

  test('an address of both families has its prefix', () => {
    expect(prefixOf('10.0.0.1/24').prefixLength).toBe(24);
    expect(prefixOf('fd00::1/64').prefixLength).toBe(64);
  });

  test('a name that no interface can have', () => {
    expect(() => openTun({ name: 'sixteen--letters' })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }) as Error);
  });

  test('an Ethernet address that is no single station\'s', () => {
    for (const linkAddress of [Uint8Array.of(1, 0, 0, 0, 0, 1), Uint8Array.of(2, 0, 0, 0, 1)]) {
      expect(() => openTun({ medium: 'ethernet', linkAddress })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }) as Error);
    }
  });
});

describe('offload', () => {
  /** A kernel that knows only these bits of TUNSETOFFLOAD. */
  function kernel(known: number): { linux: Linux; asked: number[]; headers: number[] } {
    const asked: number[] = [];
    const headers: number[] = [];
    const linux = {
      errno: () => 22,
      control: (_fd: number, _request: number, size: Uint8Array) => headers.push(size[0]!),
      controlValue(_fd: number, _request: number, bits: number) {
        asked.push(bits);
        return (bits & ~known) === 0 ? 0 : -1;
      },
    } as Partial<Linux> as Linux;
    return { linux, asked, headers };
  }

  test.each([
    [0x7f, [0x67], [true, true, true]],
    [0x1f, [0x67, 0x07], [true, true, false]],
    [0x01, [0x67, 0x07, 0x01], [true, false, false]],
    [0x00, [0x67, 0x07, 0x01, 0x00], [false, false, false]],
  ])('a kernel that knows %i is asked %o', (known, asks, [checksum, tcpSegmentation, udpSegmentation]) => {
    const { linux, asked, headers } = kernel(known);
    expect(negotiate(linux, 5, 'ip', true)).toEqual({ checksum, tcpSegmentation, udpSegmentation });
    expect(asked).toEqual(asks);
    expect(headers).toEqual([12]);
  });

  test('that nobody wants is turned off, for the device may have been another\'s', () => {
    const { linux, asked, headers } = kernel(0x7f);
    expect(negotiate(linux, 5, 'ethernet', false)).toEqual({ checksum: false, tcpSegmentation: false, udpSegmentation: false });
    expect(asked).toEqual([0]);
    expect(headers).toEqual([10]);
  });
});

test('an Ethernet address of our own is locally administered, a single station\'s, and not always the same', () => {
  const addresses = Array.from({ length: 64 }, () => randomLinkAddress());
  for (const address of addresses) {
    expect(address).toHaveLength(6);
    expect(address[0]! & 3).toBe(2);
  }
  expect(new Set(addresses.map(String)).size).toBeGreaterThan(60);
});
