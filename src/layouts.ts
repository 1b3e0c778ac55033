// The formats described declaratively, with buffer-layout: for dissectors, generators and tests. They need Node's
// Buffer and the package `buffer-layout`; the stack itself reads bytes in place and imports none of this.

export * from './icmp/layout.js';
export * from './ip/layout.js';
export * from './link/layout.js';
export * from './tcp/layout.js';
export * from './udp/layout.js';
