/*
 * `npm run teardown -- dev`: deletes an environment with all that it holds, and looks for what is still paid for. It
 * lists what it will delete and asks first. Production has to be named twice. `npm run teardown -- pipeline`, after the
 * last environment, deletes what builds and deploys, and the images. It goes on where it was cut off.
 */
import { createInterface } from 'node:readline/promises';
import { type Environment, ENVIRONMENTS, LAYERS, stackName } from './deploy/layers.ts';
import { say, title } from './deploy/log.ts';
import { deleteStack, findStack, resourcesOf, settled, type Stack } from './deploy/stack.ts';
import { unprotect } from './teardown/protection.ts';
import { remains, removeRepositories, removeRetained } from './teardown/retained.ts';

const PIPELINE = 'stowage-pipeline';

const [name = '', again = ''] = process.argv.slice(2);

try {
  const environment = ENVIRONMENTS.find((known) => known === name);
  if (environment === 'production' && again !== environment) {
    throw new Error('this is production: `npm run teardown -- production production`');
  }
  if (environment) await tearDown(environment);
  else if (name === 'pipeline') await tearDownPipeline();
  else throw new Error(`usage: npm run teardown -- ${[...ENVIRONMENTS, 'pipeline'].join('|')}`);
} catch (error) {
  console.error(`\nteardown: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function tearDown(environment: Environment): Promise<void> {
  const stacks = stacksOf(environment).toReversed();
  stacks.forEach(list);
  say('\nWith it go all files, datasets, messages and logs. A last snapshot of the database is kept.');
  await ask(environment);
  for (const stack of stacks) await remove(stack);

  title(`what the stacks of ${environment} have left`);
  const deleted = new Set(removeRetained(environment));
  const left = remains(environment).filter((arn) => !deleted.has(arn));
  if (left.length === 0) return say('Nothing is left that is paid for.');
  say(
    'AWS still has this. Snapshots are paid for until you delete them; AWS forgets other deleted things within hours.',
  );
  for (const arn of left) say(`  ${arn}`);
}

/** Last of all: it has the role by which the environments' stacks are deleted. */
async function tearDownPipeline(): Promise<void> {
  const left = ENVIRONMENTS.flatMap(stacksOf).map(({ StackName }) => StackName);
  if (left.length > 0) throw new Error(`tear the environments down first: there is ${left.join(', ')}`);
  const stack = findStack(PIPELINE);
  if (stack) list(stack);
  say('\nWith it go all images. The bucket with copies of the source stays, and is empty within a month.');
  await ask('pipeline');
  if (stack) await remove(stack);
  removeRepositories();
}

function stacksOf(environment: Environment): Stack[] {
  return LAYERS.flatMap((layer) => findStack(stackName(environment, layer)) ?? []);
}

function list(stack: Stack): void {
  title(stack.StackName);
  for (const { LogicalResourceId, ResourceType, PhysicalResourceId = '' } of resourcesOf(stack)) {
    say(`  ${LogicalResourceId} (${ResourceType}) ${PhysicalResourceId}`);
  }
}

async function ask(word: string): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`\nType ${word} to delete all of this: `);
  terminal.close();
  if (answer.trim() !== word) throw new Error('nothing was deleted');
}

async function remove(stack: Stack): Promise<void> {
  title(`deleting ${stack.StackName}`);
  const still = await settled(stack.StackId);
  if (still.StackStatus === 'DELETE_COMPLETE') return;
  unprotect(still, resourcesOf(still));
  await deleteStack(still);
}
