/** What AWS answers to a request that it refuses. */
export class Fault extends Error {
  override name = 'Fault';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
