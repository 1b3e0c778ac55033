// The side of the child: perform one of a program's scenarios, and tell what was observed.

export type Scenario = (...args: string[]) => Promise<unknown>;

/** Perform the scenario that the command line names, and print what it observed. */
export async function perform(scenarios: Readonly<Record<string, Scenario>>): Promise<void> {
  const [name = '', ...args] = process.argv.slice(2);
  const scenario = scenarios[name];
  if (scenario === undefined) throw new Error(`no scenario '${name}'`);
  process.stdout.write(`${JSON.stringify(await scenario(...args))}\n`);
}
