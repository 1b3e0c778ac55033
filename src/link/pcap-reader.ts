// Captures, read: pcapng (draft-ietf-opsawg-pcapng) and the classic format (draft-ietf-opsawg-pcap), of either byte
// order. For tests and tools. Total: whatever the bytes are, it gives the packets that are whole, and then ends.

export interface CapturedPacket {
  /** What was kept of it: a view of the file's bytes. */
  readonly bytes: Uint8Array;
  /** Its length on the wire, bytes. */
  readonly originalLength: number;
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  readonly interfaceIndex: number;
  /** As in the file, not made printable. Empty where the file names none. */
  readonly interfaceName: string;
  /** 1 Ethernet, 101 raw IP; others by the registry of tcpdump.org. */
  readonly linkType: number;
  readonly direction: 'in' | 'out' | null;
  /** As in the file, not made printable; several are joined by line feeds. */
  readonly comment: string | null;
}

/** The packets of a capture, in file order. Returns null where the file ends well, else what is wrong there. */
export function* readPcap(bytes: Uint8Array): Generator<CapturedPacket, string | null, void> {
  const file = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) return 'not a capture: too short';
  if (file.getUint32(0) === SECTION_HEADER) return yield* readBlocks(file);
  for (const little of [false, true]) {
    const unitNs = CLASSIC_UNIT_NS.get(file.getUint32(0, little));
    if (unitNs !== undefined) return yield* readClassic(file, little, unitNs);
  }
  return 'not a capture: unknown magic number';
}

function* readBlocks(file: DataView): Generator<CapturedPacket, string | null, void> {
  let little = false;
  let interfaces: Interface[] = [];
  let at = 0;
  while (at < file.byteLength) {
    if (at + 12 > file.byteLength) return `block at ${at}: truncated`;
    if (file.getUint32(at) === SECTION_HEADER) {
      const order = sectionOrder(file, at);
      if (order === null) return `section header at ${at}: no byte-order magic`;
      little = order;
      interfaces = [];
    }
    const length = file.getUint32(at + 4, little);
    if (length < 12 || length % 4 !== 0) return `block at ${at}: bad length ${length}`;
    if (length > file.byteLength - at) return `block at ${at}: truncated`;
    const block = new Block(file, at, length, little);
    if (block.u32(length - 4) !== length) return `block at ${at}: its two lengths differ`;
    const type = block.u32(0);
    if (type === INTERFACE_DESCRIPTION) {
      if (length < 20) return `block at ${at}: too short`;
      interfaces.push(interfaceOf(block));
    } else if (type === ENHANCED_PACKET || type === SIMPLE_PACKET) {
      const packet = type === ENHANCED_PACKET ? enhancedPacket(block, interfaces) : simplePacket(block, interfaces);
      if (packet === null) return `block at ${at}: bad packet`;
      yield packet;
    }
    at += length;
  }
  return null;
}

/** §4.1: the magic 0x1a2b3c4d as this section writes it. True: little-endian. Null: neither. */
function sectionOrder(file: DataView, at: number): boolean | null {
  const magic = file.getUint32(at + 8);
  if (magic === 0x1a2b3c4d) return false;
  return magic === 0x4d3c2b1a ? true : null;
}

interface Interface {
  readonly name: string;
  readonly linkType: number;
  readonly snapLength: number;
  /** Units of the timestamp in a second; and seconds to add. */
  readonly perSecond: bigint;
  readonly offsetS: bigint;
}

/** §4.2. */
function interfaceOf(block: Block): Interface {
  let name = '';
  // if_tsresol, by default 10^-6: a power of ten, or of two when the highest bit is set.
  let perSecond = 1_000_000n;
  let offsetS = 0n;
  for (const { code, at, length } of block.options(16)) {
    if (code === IF_NAME) name = block.text(at, length);
    if (code === IF_TSRESOL && length === 1) perSecond = resolution(block.u8(at));
    if (code === IF_TSOFFSET && length === 8) offsetS = block.i64(at);
  }
  return { name, linkType: block.u16(8), snapLength: block.u32(12), perSecond, offsetS };
}

const resolution = (value: number): bigint => (value & 0x80 ? 2n : 10n) ** BigInt(value & 0x7f);

/** §4.3. */
function enhancedPacket(block: Block, interfaces: readonly Interface[]): CapturedPacket | null {
  if (block.length < 32) return null;
  const interfaceIndex = block.u32(8);
  const from = interfaces[interfaceIndex];
  const captured = block.u32(20);
  if (from === undefined || captured > block.length - 32) return null;
  let direction: CapturedPacket['direction'] = null;
  const comments: string[] = [];
  for (const { code, at, length } of block.options(28 + padded(captured))) {
    if (code === OPT_COMMENT) comments.push(block.text(at, length));
    if (code === EPB_FLAGS && length === 4) direction = DIRECTIONS[block.u32(at) & 3] ?? null;
  }
  const time = (BigInt(block.u32(12)) << 32n) | BigInt(block.u32(16));
  return {
    bytes: block.bytes(28, captured),
    originalLength: block.u32(24),
    timeNs: from.offsetS * NS_PER_S + (time * NS_PER_S) / from.perSecond,
    interfaceIndex,
    interfaceName: from.name,
    linkType: from.linkType,
    direction,
    comment: comments.length > 0 ? comments.join('\n') : null,
  };
}

/** §4.4: the first interface, no time; its captured length is not told but follows from the snap length. */
function simplePacket(block: Block, interfaces: readonly Interface[]): CapturedPacket | null {
  const from = interfaces[0];
  if (from === undefined || block.length < 16) return null;
  const originalLength = block.u32(8);
  const captured = from.snapLength > 0 ? Math.min(originalLength, from.snapLength) : originalLength;
  if (captured > block.length - 16) return null;
  return {
    bytes: block.bytes(12, captured), originalLength, timeNs: 0n, interfaceIndex: 0, interfaceName: from.name,
    linkType: from.linkType, direction: null, comment: null,
  };
}

/** draft-ietf-opsawg-pcap §4, §5: one header, then records. */
function* readClassic(
  file: DataView, little: boolean, unitNs: bigint,
): Generator<CapturedPacket, string | null, void> {
  if (file.byteLength < 24) return 'file header: truncated';
  // The upper half of the word tells of frame check sequences.
  const linkType = file.getUint32(20, little) & 0xffff;
  for (let at = 24; at < file.byteLength;) {
    if (at + 16 > file.byteLength) return `record at ${at}: truncated`;
    const captured = file.getUint32(at + 8, little);
    if (captured > file.byteLength - at - 16) return `record at ${at}: truncated`;
    yield {
      bytes: new Uint8Array(file.buffer, file.byteOffset + at + 16, captured),
      originalLength: file.getUint32(at + 12, little),
      timeNs: BigInt(file.getUint32(at, little)) * NS_PER_S + BigInt(file.getUint32(at + 4, little)) * unitNs,
      interfaceIndex: 0, interfaceName: '', linkType, direction: null, comment: null,
    };
    at += 16 + captured;
  }
  return null;
}

/** A block of the file, offsets counted from its beginning. */
class Block {
  constructor(
    private readonly file: DataView,
    private readonly start: number,
    readonly length: number,
    private readonly little: boolean,
  ) {}

  u8(at: number): number {
    return this.file.getUint8(this.start + at);
  }

  u16(at: number): number {
    return this.file.getUint16(this.start + at, this.little);
  }

  u32(at: number): number {
    return this.file.getUint32(this.start + at, this.little);
  }

  i64(at: number): bigint {
    return this.file.getBigInt64(this.start + at, this.little);
  }

  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.file.buffer, this.file.byteOffset + this.start + at, length);
  }

  text(at: number, length: number): string {
    return new TextDecoder().decode(this.bytes(at, length));
  }

  /** The options from `at`, as far as they are whole. */
  *options(at: number): Generator<{ code: number; at: number; length: number }, void, void> {
    const end = this.length - 4;
    while (at + 4 <= end) {
      const code = this.u16(at);
      const length = this.u16(at + 2);
      if (code === OPT_ENDOFOPT || length > end - at - 4) return;
      yield { code, at: at + 4, length };
      at += 4 + padded(length);
    }
  }
}

const padded = (length: number): number => (length + 3) & ~3;

const NS_PER_S = 1_000_000_000n;
/** Magic numbers of the classic format, and what the fraction of a second is counted in. */
const CLASSIC_UNIT_NS = new Map([[0xa1b2c3d4, 1000n], [0xa1b23c4d, 1n]]);

/** The same read in either order. */
const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;

const OPT_ENDOFOPT = 0;
const OPT_COMMENT = 1;
const EPB_FLAGS = 2;
const IF_NAME = 2;
const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;

/** epb_flags, the two lowest bits. */
const DIRECTIONS = [null, 'in', 'out'] as const;
