#!/usr/bin/env node
// The program `wallsocket`: `wallsocket run --tun tun0 --addr 10.0.0.2/24 -- node app.js`.

import { runCli } from './services/node/drop-in/cli.js';

runCli(process.argv.slice(2), new URL('register.js', import.meta.url));
