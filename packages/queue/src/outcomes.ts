/**
 * Thrown by a handler that asks for its message again after a while, when nothing is wrong with either.
 * It costs one of the message's deliveries (`maxReceiveCount`) like any redelivery.
 */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly seconds: number;

  /** @param seconds until the message is delivered again, 0 to 43,200 (SQS's limit of 12 hours) */
  constructor(seconds: number, reason = 'the handler asked for the message again later') {
    super(reason);
    this.seconds = seconds;
  }
}

/**
 * Thrown when no number of deliveries will help: the message goes to the dead-letter queue at once, with `reason`
 * as a message attribute.
 */
export class Poison extends Error {
  override readonly name = 'Poison';
}
