// The door for programs on Node: devices of the operating system, and what Node's own modules can use.

export * from './index.js';
export { portDevice, streamDevice, type StreamDevice, type StreamOptions } from './link/node/stream.js';
export { openTun, type TunDevice, type TunOptions } from './link/node/tun.js';
export { createStack, NodeStack, type NodeStackOptions } from './services/node/create-stack.js';
export { type HttpService, serveHttp } from './services/node/http.js';
export { type Configuration, ConfigurationError, type DeviceConfiguration, readConfiguration } from './socket-api/node/configuration.js';
export { createDgram } from './socket-api/node/dgram.js';
export { TcpDuplex } from './socket-api/node/duplex.js';
export type { Host } from './socket-api/node/host.js';
export { createNet } from './socket-api/node/net.js';
