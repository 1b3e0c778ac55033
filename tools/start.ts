// The main job: a stack with a real address on a real TUN, its services, and what to type to see them.

import { Command } from 'commander';
import { NetError } from '../src/errors.js';
import { runInMemory } from './start/in-memory.js';
import { isInside, reenter } from './start/namespace.js';
import { runOnTun } from './start/on-tun.js';
import { selfTest } from './start/self-test.js';

export interface StartOptions {
  readonly pcap?: string;
  readonly tap?: boolean;
  readonly name?: string;
  readonly memory?: boolean;
  readonly selfTest?: boolean;
  readonly seconds?: string;
  readonly only?: string;
}

const program = new Command('wallsocket')
  .description('Open a TUN, give the kernel one end and the stack the other, and serve on the stack.')
  .option('--pcap <file>', 'write every packet to a pcapng file')
  .option('--tap', 'a TAP with Ethernet and ARP instead of a TUN')
  .option('--name <name>', 'name of the device')
  .option('--memory', 'no device: the same services and clients on a link in memory')
  .option('--self-test', 'do it unattended, in a network namespace of its own, and say what passed')
  .option('--only <pattern>', 'of the self-test: only checks whose title matches')
  .option('--seconds <n>', 'stop after so many seconds')
  .parse();

const options = program.opts<StartOptions>();

try {
  process.exitCode = options.selfTest === true ? await selfTest(options) : await main();
} catch (error) {
  if (!(error instanceof NetError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  if (options.memory === true) return runInMemory(options);
  try {
    return await runOnTun(options);
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    console.log(`No TUN for us: ${error.message}`);
    if (!isInside()) {
      const code = reenter('user', process.argv.slice(2));
      if (code !== null) return code;
    }
    console.log('No user namespace either: the same services and clients run on a link in memory.\n');
    return runInMemory(options);
  }
}
