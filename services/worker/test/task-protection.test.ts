import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startApplication } from '../../../test/support/application.ts';
import { createClient } from '../../../test/support/client.ts';

test('a worker asks ECS to protect its task while it works, and to do so no more when it stops', async () => {
  const asked: boolean[] = [];
  const agent = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => {
      const { ProtectionEnabled } = JSON.parse(text) as { ProtectionEnabled: boolean };
      asked.push(ProtectionEnabled);
      response.end(JSON.stringify({ protection: { ProtectionEnabled } }));
    });
  });
  await once(agent.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void agent.close());
  const ECS_AGENT_URI = `http://127.0.0.1:${(agent.address() as AddressInfo).port}`;
  const environment = { ECS_AGENT_URI, POLL_WAIT_SECONDS: '1' };
  const application = await startApplication({ environment });
  await createClient(application.url).load('airports', 'iata,city\nSFO,San Francisco\n');
  await application.close();
  expect(asked).toEqual([true, false]);
  expect(application.logs.filter(({ level }) => level === 'warn')).toEqual([]);
});
