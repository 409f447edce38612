import { readFileSync } from 'node:fs';
import { containerOf, type TaskDefinition, TASK_DEFINITION } from './ecs.ts';
import { allStacks, type Found, resourcesIn } from './stacks.ts';

const SECRET = JSON.stringify({
  engine: 'postgres',
  host: 'stowage.abc.us-east-1.rds.amazonaws.com',
  port: 5432,
  dbname: 'stowage',
  username: 'stowage_app',
  password: 'not-a-secret',
});

/** Every task definition of every variant that runs a program, and the environment that the program finds there. */
export function tasksOf(program: 'api' | 'worker' | 'migrate'): (Found<TaskDefinition> & {
  environment: Record<string, string>;
  stopTimeoutMs: number;
})[] {
  return resourcesIn<TaskDefinition>(allStacks(), TASK_DEFINITION)
    .filter(({ properties }) => containerOf(properties).Name === program)
    .map((found) => {
      const { Environment = [], Secrets = [], StopTimeout = 30 } = containerOf(found.properties);
      const environment = {
        ...imageEnvironment(program === 'worker' ? 'Dockerfile.worker' : 'Dockerfile.api'),
        ...Object.fromEntries(Environment.map(({ Name, Value }) => [Name, Value])),
        ...Object.fromEntries(Secrets.map(({ Name }) => [Name, SECRET])),
      };
      return Object.assign(found, { environment, stopTimeoutMs: StopTimeout * 1000 });
    });
}

/** The constant variables that a Dockerfile's last stage sets. */
function imageEnvironment(file: string): Record<string, string> {
  const text = readFileSync(file, 'utf8').replaceAll(/\\\n/g, ' ');
  const lastStage = text.slice(text.lastIndexOf('\nFROM '));
  const variables = [...lastStage.matchAll(/^ENV (.*)$/gm)].flatMap(([, list = '']) => list.split(/\s+/));
  const pairs = variables.map((variable) => variable.split('=', 2) as [string, string]);
  return Object.fromEntries(pairs.filter(([, value]) => !value.includes('$')));
}
