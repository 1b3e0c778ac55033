// buffer-layout 1.2.2 brings no types. These are for the part of it that a layout.ts needs.

declare module 'buffer-layout' {
  /** How a value lies in bytes. `b` must be a Buffer: a plain Uint8Array has no readUIntBE. */
  export class Layout<T = unknown> {
    /** Bytes; negative when it depends on the value. */
    readonly span: number;
    readonly property: string | undefined;
    decode(b: Buffer, offset?: number): T;
    /** Returns how many bytes it wrote. */
    encode(src: T, b: Buffer, offset?: number): number;
    getSpan(b?: Buffer, offset?: number): number;
    replicate(property: string): this;
  }

  /** A length or count that is read from the bytes, or is whatever is left of them. */
  export class ExternalLayout extends Layout<number> {
    isCount(): boolean;
  }

  export class Structure<T = Record<string, unknown>> extends Layout<T> {
    readonly fields: readonly Layout[];
    layoutFor(property: string): Layout | undefined;
    /** Negative behind a field of variable length; undefined when there is no such field. */
    offsetOf(property: string): number | undefined;
  }

  export class BitField<T extends number | boolean = number> {
    readonly container: BitStructure;
    readonly bits: number;
    /** The position of its lowest bit in the word. */
    readonly start: number;
    readonly valueMask: number;
    readonly wordMask: number;
    readonly property: string | undefined;
    decode(): T;
  }

  export class BitStructure<T = Record<string, number | boolean>> extends Layout<T> {
    readonly word: Layout<number>;
    readonly msb: boolean;
    readonly fields: readonly BitField<number | boolean>[];
    addField(bits: number, property?: string): BitField;
    addBoolean(property?: string): BitField<boolean>;
    fieldFor(property: string): BitField<number | boolean> | undefined;
  }

  export class VariantLayout<T = unknown> extends Layout<T> {
    readonly variant: number;
    readonly layout: Layout | null;
  }

  export class Union<T = unknown> extends Layout<T> {
    addVariant(variant: number, layout: Layout | null, property?: string): VariantLayout;
    getVariant(variant: number | Buffer, offset?: number): VariantLayout | undefined;
  }

  export class Sequence<T = unknown> extends Layout<T[]> {
    readonly elementLayout: Layout<T>;
    readonly count: number | ExternalLayout;
  }

  export class Blob extends Layout<Buffer> {
    readonly length: number | ExternalLayout;
  }

  type Uint = (property?: string) => Layout<number>;
  export const u8: Uint;
  export const u16: Uint;
  export const u16be: Uint;
  export const u24be: Uint;
  export const u32: Uint;
  export const u32be: Uint;
  export const u48be: Uint;
  /** Inexact from 2**53 on. */
  export const nu64be: Uint;
  export const s8: Uint;
  export const s16be: Uint;
  export const s32be: Uint;

  export function greedy(elementSpan?: number, property?: string): ExternalLayout;
  export function offset(layout: Layout<number>, offset?: number, property?: string): ExternalLayout;
  export function struct<T = Record<string, unknown>>(
    fields: readonly Layout[], property?: string, decodePrefixes?: boolean,
  ): Structure<T>;
  /** Fields from the most significant bit down with `msb`, as RFC diagrams draw them. */
  export function bits<T = Record<string, number | boolean>>(
    word: Layout<number>, msb?: boolean, property?: string,
  ): BitStructure<T>;
  export function seq<T>(elementLayout: Layout<T>, count: number | ExternalLayout, property?: string): Sequence<T>;
  export function union<T = unknown>(discriminator: Layout<number>, fallback?: Layout | null, property?: string): Union<T>;
  export function blob(length: number | ExternalLayout, property?: string): Blob;
  export function cstr(property?: string): Layout<string>;
  export function utf8(maxSpan?: number, property?: string): Layout<string>;
}
