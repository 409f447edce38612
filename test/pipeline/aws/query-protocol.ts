/*
 * AWS's query protocol, which CloudFormation and STS speak: a form in, XML out
 * (https://smithy.io/2.0/aws/protocols/aws-query-protocol.html).
 */

/** What a form says, with `Tags.member.1.Key` as lists and structures. */
export type Input = { [name: string]: string | Input | Input[] | string[] };

export function parseForm(text: string): Input {
  const input: Input = {};
  for (const [path, value] of new URLSearchParams(text)) {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    let place = input;
    for (const key of keys) place = (place[key] ??= {}) as Input;
    place[last] = value;
  }
  return lists(input) as Input;
}

/** `{ member: { 1: …, 2: … } }` as a list. */
function lists(value: Input[string]): Input[string] {
  if (typeof value === 'string' || Array.isArray(value)) return value;
  const { member } = value;
  if (typeof member === 'object') return Object.values(member).map((item) => lists(item)) as Input[];
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, lists(item)]));
}

/** What an action answers. */
export type Output =
  | string
  | number
  | boolean
  | Date
  | undefined
  | null
  | readonly Output[]
  | { [name: string]: Output };

/** The answer of an action. Undefined members are left out. */
export function answer(action: string, result: Output): string {
  return `<${action}Response><${action}Result>${xml(result)}</${action}Result></${action}Response>`;
}

export function refusal(code: string, message: string): string {
  return `<ErrorResponse><Error><Type>Sender</Type>${xml({ Code: code, Message: message })}</Error></ErrorResponse>`;
}

function xml(value: Output): string {
  if (value === undefined || value === null) return '';
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => `<member>${xml(item)}</member>`).join('');
  if (typeof value === 'object') {
    return Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([name, item]) => `<${name}>${xml(item)}</${name}>`)
      .join('');
  }
  return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
