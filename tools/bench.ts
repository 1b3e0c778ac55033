// The bench: this stack beside Node's own sockets, on this machine, now. `npm run bench -- tun|http|lab [--json] [--quick]`.

import { Command, Option } from 'commander';

import type { HttpBenchOptions } from './bench/http.js';
import { bench, type BenchOptions } from './bench/run.js';

const program = new Command('bench').description('wallsocket beside node:net and node:dgram');

program.command('tun', { isDefault: true })
  .description('servers on a TUN and on the kernel, clients in the kernel, all in namespaces; wants root')
  .option('--json', 'print one array of { name, unit, peer, ours, theirs, ratio }')
  .option('--quick', 'one short run of each row: for a look, not for a figure')
  .addOption(new Option('--only <rows...>', 'these rows'))
  .option('--peer-only', 'measure the peer alone')
  .action(async (options: BenchOptions) => {
    process.exit(await bench(options) ? 0 : 1);
  });

program.command('http')
  .description('web applications under `wallsocket run` on a TUN and on the kernel, loaded by wrk; wants root')
  .option('--json', 'print one array of { name, unit, peer, ours, theirs, ratio, beside }')
  .option('--quick', 'one short run of each row: for a look, not for a figure')
  .addOption(new Option('--only <rows...>', 'these rows'))
  .action(async (options: HttpBenchOptions) => {
    process.exit(await (await import('./bench/http.js')).benchHttp(options) ? 0 : 1);
  });

program.command('lab')
  .description('networks in a test: how fast they are built, and how many packets a second they carry')
  .option('--json', 'print one array of { name, unit, value, target, reached }')
  .addOption(new Option('--only <rows...>', 'these rows'))
  .action(async (options: { json?: true; only?: string[] }) => {
    process.exit(await (await import('./bench/lab.js')).benchLab(options) ? 0 : 1);
  });

// What the bench runs in processes of their own. Imported there alone, so that the peer's process holds none of ours.
program.command('peer-server <address>', { hidden: true })
  .action(async (address: string) => (await import('./bench/peer-server.js')).servePeer(address));
program.command('our-server <device> <kernel> <stack>', { hidden: true })
  .action(async (device: string, kernel: string, stack: string) =>
    (await import('./bench/our-server.js')).serveOurs(device, kernel, stack));
program.command('loadgen <mode> [words...]', { hidden: true })
  .action(async (mode: string, words: string[]) => (await import('./bench/loadgen-node.js')).generateLoad(mode, words));
program.command('pair <side> <bytes>', { hidden: true })
  .action(async (side: 'ours' | 'theirs', bytes: string) => {
    process.stdout.write(`${await (await import('./bench/pair.js')).pairBulk(side, Number(bytes))}\n`);
    process.exit(0);
  });

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
