import { uriEncodePath } from '../sigv4/canonical.ts';
import { type Realm, verifyPolicySignature } from '../sigv4/verify.ts';
import { type Context, requestBody, sendEmpty, sendXml } from './context.ts';
import { notImplemented, S3Error } from './errors.ts';
import { readUploadForm, type UploadForm } from './form-reader.ts';
import { checkKey, describe } from './objects.ts';
import { digesting, limited } from './payload.ts';
import { checkPolicy, readPolicy } from './post-policy.ts';
import { checkAmzNames } from './supported.ts';
import type { StoredObject } from './stored.ts';
import { xml, xmlDocument } from './xml.ts';

/** Takes a file from a browser's form, on the terms of the policy that the form carries. */
export async function postObject(context: Context, realm: Realm): Promise<void> {
  const { message, store, bucket } = context;
  store.bucket(bucket);
  const form = await readUploadForm(message.headers, requestBody(context));
  try {
    const size = admit(form, bucket, realm);
    const fields = expandFilename(form);
    const key = fields.get('key') ?? '';
    const { body, verify } = digesting(fields, limited(form.file, size));
    const object = await store.put(bucket, key, body, () => describe(verify(), fields));
    answer(context, object, fields.get('success_action_status'));
  } finally {
    form.stop();
  }
}

/** Signature first: what an unsigned policy says is nobody's word. Gives the bounds of the file's size. */
function admit(form: UploadForm, bucket: string, realm: Realm): { min?: number; max?: number } {
  verifyPolicySignature(form.fields, realm);
  const fields = expandFilename(form);
  const named = fields.get('bucket') ?? bucket;
  if (named !== bucket) throw new S3Error('InvalidArgument', `The form is for the bucket '${named}'.`);
  const policy = readPolicy(fields.get('policy') ?? '');
  checkPolicy(policy, new Map([...fields, ['bucket', bucket]]));

  const key = fields.get('key');
  if (!key) throw new S3Error('InvalidArgument', "Bucket POST must contain a field named 'key'.");
  checkKey(key);
  checkAmzNames(fields.keys());
  for (const name of ['acl', 'tagging', 'success_action_redirect', 'redirect']) {
    if (fields.has(name)) throw notImplemented(`the form field ${name}`);
  }
  return policy.size;
}

/** Every field may say `${filename}`; a policy's conditions are about what becomes of it. */
function expandFilename({ fields, filename }: UploadForm): Map<string, string> {
  const isSigned = (name: string): boolean => name === 'policy' || name === 'x-amz-signature';
  return new Map(
    [...fields].map(([name, value]) => [
      name,
      isSigned(name) ? value : value.replaceAll('${filename}', () => filename),
    ]),
  );
}

function answer(context: Context, { key, etag }: StoredObject, status: string | undefined): void {
  const { bucket, headers, response } = context;
  const location = `http://${headers.get('host')}/${bucket}/${uriEncodePath(key)}`;
  if (status !== '201') {
    sendEmpty(context, status === '200' ? 200 : 204, { etag, location });
    return;
  }
  response.setHeader('etag', etag);
  response.setHeader('location', location);
  const parts = [xml('Location', location), xml('Bucket', bucket), xml('Key', key), xml('ETag', etag)];
  sendXml(response, 201, xmlDocument('PostResponse', parts));
}
