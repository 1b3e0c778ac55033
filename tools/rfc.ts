// Conformance that can be computed: every requirement of docs/rfc with the code and the tests that cite it.
// `npm run rfc [-- --rfc 9293 --totals --json]`. A MUST with code and no test fails.

import { Command } from 'commander';

import { printProblems, printTable, totalsLine } from './rfc/report.js';
import { survey } from './rfc/survey.js';

interface RfcOptions {
  readonly rfc?: readonly string[];
  readonly json?: boolean;
  readonly totals?: boolean;
}

const { rfc, json = false, totals = false } = new Command('rfc')
  .description('requirement → code → test → departure with its reason, for each RFC that docs/rfc lists')
  .option('--rfc <numbers...>', 'print these alone; all are judged')
  .option('--totals', 'print the totals alone')
  .option('--json', 'print { rfcs: [{ rfc, title, rows, totals }], problems: [{ file, line, what }] }')
  .parse().opts<RfcOptions>();

const { conformance, problems } = survey(process.cwd());
const chosen = conformance.filter((each) => rfc === undefined || rfc.includes(String(each.rfc)));

if (json) console.log(JSON.stringify({ rfcs: chosen, problems }, null, 2));
else {
  if (!totals) chosen.forEach(printTable);
  for (const each of chosen) console.log(totalsLine(each));
  printProblems(problems);
}
process.exitCode = problems.length === 0 ? 0 : 1;
