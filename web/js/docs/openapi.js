// What the API page needs to know of an OpenAPI document: operations by tag, schemas as lines to read, examples, and the request that
// entered values make. Pure: no page, no network.

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const DEPTH_MAX = 8;

/** The node itself, or what its $ref points to. */
export function deref(node, doc) {
  for (let steps = 0; node && node.$ref && steps < DEPTH_MAX; ++steps) {
    node = node.$ref.slice(2).split('/').reduce((at, name) => at?.[name.replaceAll('~1', '/').replaceAll('~0', '~')], doc);
  }
  return node ?? {};
}

/** [{tag, description, operations: [{id, method, path, summary, parameters, body, responses, open}]}], in the document's order of tags. */
export function operationsByTag(doc) {
  const tags = new Map((doc.tags ?? []).map(({ name, description }) => [name, { tag: name, description: description ?? '', operations: [] }]));
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const operation = item[method];
      const tag = operation.tags?.[0] ?? 'other';
      if (!tags.has(tag)) tags.set(tag, { tag, description: '', operations: [] });
      tags.get(tag).operations.push({
        id: operation.operationId,
        method: method.toUpperCase(),
        path,
        summary: operation.summary ?? '',
        parameters: (operation.parameters ?? []).map((parameter) => deref(parameter, doc)),
        body: operation.requestBody ? deref(operation.requestBody, doc) : null,
        responses: Object.entries(operation.responses).map(([status, answer]) => [status, deref(answer, doc)]),
        open: operation.security?.length === 0,
      });
    }
  }
  return [...tags.values()].filter(({ operations }) => operations.length > 0);
}

/** "string (uuid) or null, 1 to 200 characters" */
export function describe(schema, doc) {
  schema = deref(schema, doc);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(', ')}`;
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives) return alternatives.map((one) => describe(one, doc)).join(' or ');
  let text = [schema.type ?? 'anything'].flat().join(' or ');
  if (text === 'array' && schema.items) text = `array of ${describe(schema.items, doc)}`;
  if (schema.format) text += ` (${schema.format})`;
  const range = (low, high, unit) => {
    if (low !== undefined && high !== undefined) text += `, ${low} to ${high}${unit}`;
    else if (low !== undefined) text += `, at least ${low}${unit}`;
    else if (high !== undefined) text += `, at most ${high}${unit}`;
  };
  range(schema.minLength, schema.maxLength, ' characters');
  range(schema.minimum, schema.maximum, '');
  range(schema.minItems, schema.maxItems, ' items');
  if (schema.default !== undefined) text += `, default ${JSON.stringify(schema.default)}`;
  return text;
}

/** An object schema's properties as lines: [{depth, name, type, required, description}]. */
export function lines(schema, doc, depth = 0) {
  schema = deref(schema, doc);
  if (depth > DEPTH_MAX) return [];
  if ([schema.type].flat().includes('array')) return lines(schema.items ?? {}, doc, depth);
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => [
    { depth, name, type: describe(property, doc), required: (schema.required ?? []).includes(name), description: deref(property, doc).description ?? '' },
    ...lines(property, doc, depth + 1),
  ]);
}

/** A value that fits the schema, for a form to begin with. */
export function exampleOf(schema, doc, depth = 0) {
  schema = deref(schema, doc);
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives) return exampleOf(alternatives[0], doc, depth);
  const type = [schema.type].flat()[0];
  if (type === 'object') {
    if (depth > DEPTH_MAX) return {};
    const wanted = Object.entries(schema.properties ?? {}).filter(([name]) => (schema.required ?? []).includes(name));
    return Object.fromEntries(wanted.map(([name, property]) => [name, exampleOf(property, doc, depth + 1)]));
  }
  if (type === 'array') return [];
  if (type === 'integer' || type === 'number') return schema.minimum ?? 0;
  if (type === 'boolean') return false;
  return '';
}

/** What a JSON body's text area begins with; '' where there is no JSON body. */
export function bodyExample(operation, doc) {
  const media = operation.body?.content?.['application/json'];
  if (!media) return '';
  const named = Object.values(media.examples ?? {})[0]?.value;
  return JSON.stringify(media.example ?? named ?? exampleOf(media.schema ?? {}, doc), null, 2);
}

/** The path with its parameters filled in, and the query: `values` by parameter name, '' leaves an optional one out. */
export function requestTarget(operation, values) {
  let path = operation.path;
  const query = new URLSearchParams();
  for (const { name, in: place } of operation.parameters) {
    const value = values[name] ?? '';
    if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (place === 'query' && value !== '') query.set(name, value);
  }
  return path + (query.size > 0 ? `?${query}` : '');
}
