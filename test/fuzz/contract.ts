import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  pattern?: string;
  enum?: unknown[];
  anyOf?: Schema[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Schema>;
  required?: string[];
}

export interface Parameter {
  in: 'path' | 'query' | 'header';
  name: string;
  required?: boolean;
  schema: Schema;
}

export interface Operation {
  method: string;
  /** As in the document, such as `/v1/datasets/{id}`. */
  path: string;
  parameters: Parameter[];
  /** Of the JSON body, where it takes one. */
  body: Schema | undefined;
  /** Status → media types that it is declared with. */
  answers: Record<string, string[]>;
}

interface Document {
  paths: Record<
    string,
    Record<
      string,
      {
        parameters?: Parameter[];
        requestBody?: { content: Record<string, { schema: Schema }> };
        responses: Record<string, { content?: Record<string, unknown> }>;
      }
    >
  >;
}

/** What the api says of itself, to hold it to. */
export interface Contract {
  operations: Operation[];
  /** The methods that a path is declared with; none of a path that is unknown. */
  methodsOf: (path: string) => string[];
  /** Follows `$ref`. */
  resolve: (schema: Schema) => Schema;
  /** The first thing that is wrong with a value. */
  mismatch: (schema: Schema, value: unknown) => string | undefined;
  /** As `mismatch`, of the body of a declared answer. */
  answerMismatch: (operation: Operation, status: number, type: string, body: unknown) => string | undefined;
}

/** Formats as their RFCs have them, written here again: the api's own would agree with itself. */
const FORMATS = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  uri: (text: string) => URL.canParse(text),
};

export async function readContract(url: string): Promise<Contract> {
  const response = await fetch(`${url}/openapi.json`);
  const document = (await response.json()) as Document;
  const ajv = new Ajv2020({ strict: false, formats: FORMATS });
  ajv.addSchema(document, 'contract');

  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody, responses }]) => ({
      method: method.toUpperCase(),
      path,
      parameters,
      body: requestBody?.content['application/json']?.schema,
      answers: Object.fromEntries(
        Object.entries(responses).map(([status, { content = {} }]) => [status, Object.keys(content)]),
      ),
    })),
  );

  /** Schemas are found in the document by pointer, so that their references lead to where they do there. */
  function validator(pointer: string): ValidateFunction {
    const found = ajv.getSchema(`contract${pointer}`);
    if (!found) throw new Error(`the contract has no ${pointer}`);
    return found;
  }
  const compiled = new Map<Schema, ValidateFunction>();
  function validatorOf(schema: Schema): ValidateFunction {
    if (schema.$ref !== undefined) return validator(schema.$ref);
    const known = compiled.get(schema) ?? ajv.compile(schema);
    compiled.set(schema, known);
    return known;
  }
  function firstError(validate: ValidateFunction, value: unknown): string | undefined {
    if (validate(value)) return undefined;
    const [error] = validate.errors ?? [];
    return `${error?.instancePath ?? ''} ${error?.message ?? 'does not fit'}`;
  }

  return {
    operations,
    methodsOf: (path) => operations.filter((each) => each.path === path).map(({ method }) => method),
    resolve: ({ $ref, ...schema }) => ($ref === undefined ? schema : (validator($ref).schema as Schema)),
    mismatch: (schema, value) => firstError(validatorOf(schema), value),
    answerMismatch: ({ method, path }, status, type, body) =>
      firstError(
        validator(
          `#/${['paths', path, method.toLowerCase(), 'responses', status, 'content', type, 'schema'].map(asToken).join('/')}`,
        ),
        body,
      ),
  };
}

/** RFC 6901, and percent-encoded as in the fragment of a URI. */
const asToken = (name: string | number): string =>
  encodeURIComponent(String(name).replaceAll('~', '~0').replaceAll('/', '~1'));
