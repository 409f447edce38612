import type { BatchResultErrorEntry } from '@aws-sdk/client-sqs';

/** Entries that SQS takes in a batch, and messages that it gives in a receive. */
export const BATCH_SIZE = 10;

const CALL_LIMIT_MS = 5_000;

/**
 * Options that bound one call to SQS, the SDK's own retries included. The SDK has no time limit by default, and its
 * `requestTimeout` only warns unless `throwOnRequestTimeout` is set: one dead connection would hold a heartbeat, and
 * every delete that waits for it, until the kernel gives up.
 */
export function callLimit(): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(CALL_LIMIT_MS) };
}

/** Why an entry of a batch failed; `cause` if the call failed as a whole. */
export type BatchFailure = BatchResultErrorEntry & { cause?: unknown };

/** Returns the entries that failed, which are all of them when the call fails. Their `Id` is their index. Never rejects. */
export async function failuresOf(
  call: Promise<{ Failed?: BatchResultErrorEntry[] | undefined }>,
  size: number,
): Promise<BatchFailure[]> {
  try {
    const { Failed = [] } = await call;
    return Failed;
  } catch (cause) {
    const { name, message } = cause as Error;
    return Array.from({ length: size }, (_, i) => {
      return { Id: String(i), SenderFault: false, Code: name, Message: message, cause };
    });
  }
}

/**
 * Whether trying again is pointless. SQS marks such entries as the sender's fault (an expired receipt handle is an
 * `InvalidParameterValue`); LocalStack does not mark them, but names them.
 */
export function isFinal(failure: BatchFailure): boolean {
  return failure.SenderFault === true || /ReceiptHandleIsInvalid|MessageNotInflight/.test(failure.Code ?? '');
}
