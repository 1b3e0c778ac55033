// `wallsocket/testing/node`: all of `wallsocket/testing`, and a network for each test of node:test, jest and their like, with
// the seed from WALLSOCKET_SEED and files for what a failure leaves; Node's own modules on its hosts.

import { type FixtureOptions, networkTest } from '../fixture.js';
import type { Network } from '../network.js';
import { quoted, surroundingsOf } from './surroundings.js';

export * from '../../testing.js';
export { type HttpFace, httpOf } from './http.js';
export { dgramOf, netOf } from './faces.js';
export { fakeTimers, type FakeTimersOptions } from './fake-timers.js';

/**
 * A test with a network of its own.
 * @param title  names the files that a failure leaves in `.wallsocket`, or where WALLSOCKET_ARTEFACTS says
 * @example test('reconnects', withNetwork('reconnects', async (net) => { … }))
 */
export function withNetwork(title: string, body: (net: Network) => Promise<void> | void, options: FixtureOptions = {}): () => Promise<void> {
  return networkTest(body, options, surroundingsOf(title, process.argv.map(quoted).join(' ')));
}
