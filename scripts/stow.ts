/**
 * `npm run stow -- FILE.csv`: loads a CSV file into a running api and shows what came of it. A client like any
 * other: it knows the HTTP contract and nothing of the rest of this repository. `--help` tells the options.
 */
import { createApiClient } from './stow/api-client.ts';
import { HELP, parseArguments, type Command } from './stow/arguments.ts';
import type { Dataset } from './stow/contract.ts';
import { describe, StowError, UsageError } from './stow/errors.ts';
import { duration } from './stow/format.ts';
import { plainDisplay, silentDisplay, terminalDisplay, type Display } from './stow/progress.ts';
import { report } from './stow/report.ts';
import { run } from './stow/run.ts';
import { openSource } from './stow/source.ts';
import { visible } from './stow/text.ts';

const { stdout, stderr, env } = process;

/** For output that goes to no terminal. */
const PLAIN_WIDTH = 100;

// A reader that has seen enough (`| head`) is no error.
stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const command = parseArguments(process.argv.slice(2), env);
    if (command !== 'help') return await stow(command);
    stdout.write(HELP);
    return 0;
  } catch (error) {
    return complain(error);
  }
}

async function stow(command: Command): Promise<number> {
  const display = createDisplay(command);
  let id: string | undefined;
  const sayWhatStays = () => {
    if (id === undefined) return;
    stderr.write(`Dataset ${id} stays. To remove it: ${curl(command, '-X DELETE', `/v1/datasets/${id}`)}\n`);
  };
  // Nothing needs tidying but the line: a spooled copy has no name any more, and a broken POST leaves no object.
  process.on('SIGINT', () => {
    display.stop();
    stderr.write('stow: Interrupted.\n');
    sayWhatStays();
    process.exit(130);
  });

  await using source = await openSource(command.file, callersFolder());
  try {
    const api = createApiClient({
      url: command.apiUrl,
      token: command.token,
      onRetry: (error, waitMs) => {
        if (waitMs >= 1000) display.say(`${firstLine(error)} Trying again in ${duration(waitMs / 1000)}.`);
      },
    });
    const { timings, ...result } = await run({
      command,
      source,
      api,
      display,
      onCreated: (created) => (id = created),
    });
    display.stop();
    if (command.json) stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    if (result.dataset.status !== 'ready') throw new StowError(describeFailure(result.dataset));
    if (!command.json) {
      const width = stdout.columns || PLAIN_WIDTH;
      const hint = curl(command, '-s', `/v1/datasets/${result.dataset.id}/rows?after=0&limit=100`);
      if (stdout.isTTY) stdout.write('\n');
      stdout.write(report(result, { timings, hint, out: stdout, width }));
    }
    return 0;
  } catch (error) {
    display.stop();
    const status = complain(error);
    sayWhatStays();
    return status;
  }
}

/** Says what went wrong, and returns the exit status for it. */
function complain(error: unknown): number {
  if (error instanceof UsageError) {
    stderr.write(`stow: ${error.message}\n`);
    return 2;
  }
  // What was foreseen needs no stack; what was not is a bug, and its stack is the report.
  const foreseen = error instanceof StowError || !(error instanceof Error);
  stderr.write(`stow: ${foreseen ? describe(error) : error.stack}\n`);
  return 1;
}

function firstLine(error: unknown): string {
  return describe(error).replace(/\n.*/s, '');
}

function createDisplay({ json }: Command): Display {
  if (stderr.isTTY && env['TERM'] !== 'dumb') return terminalDisplay(stderr);
  return json ? silentDisplay : plainDisplay(stderr);
}

/** npm runs scripts in the project's root; `INIT_CWD` is where the user typed the file's name. */
function callersFolder(): string {
  return (env['npm_lifecycle_event'] === 'stow' && env['INIT_CWD']) || process.cwd();
}

/** A command to paste; the token itself stays out of it. */
function curl({ apiUrl, token }: Command, options: string, path: string): string {
  const header = token === undefined ? '' : ` -H "authorization: Bearer $STOWAGE_TOKEN"`;
  return `curl ${options}${header} '${apiUrl}${path}'`;
}

function describeFailure({ status, failure }: Dataset): string {
  if (status === 'deleting') return 'The dataset is being deleted.';
  return visible(
    `The dataset failed: ${failure?.detail ?? 'no reason given'} (${failure?.code ?? 'unknown'})`,
  );
}
