import { once } from 'node:events';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/**
 * Sends blocks into a `COPY … FROM STDIN`; ends when Postgres has taken them all, or fails with its error. The next block
 * is asked for when the system has taken the one before: a block larger than a stream's buffer (16 KiB) may be used again
 * then.
 *
 * Not by `pipeline`: when Postgres ends the COPY, `pipeline` destroys the stream, which then waits for the answer to a
 * CopyFail that can never come, and the message that is being worked on would hang until its deadline.
 */
export async function copyIn(
  client: PoolClient,
  statement: string,
  blocks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const copy = client.query(copyFrom(statement));
  const finished = once(copy, 'finish');
  let ended = false;
  // Noted here, since it may fail before anybody waits for it.
  finished.catch(() => (ended = true));
  try {
    for await (const block of blocks) {
      if (!copy.write(block)) await Promise.race([once(copy, 'drain'), finished]);
    }
  } catch (error) {
    // When the blocks failed and not Postgres, it must be told, or it would wait for more of them.
    if (!ended) copy.destroy(error as Error);
    await finished.catch(() => undefined);
    throw error;
  }
  copy.end();
  await finished;
}
