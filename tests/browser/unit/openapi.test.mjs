import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyExample, describe, exampleOf, lines, operationsByTag, requestTarget } from '../../../web/js/docs/openapi.js';

const doc = {
  tags: [{ name: 'things', description: 'Things.' }, { name: 'unused' }],
  paths: {
    '/api/v1/things/{id}': {
      get: { operationId: 'getThing', summary: 'One', tags: ['things'], security: [], parameters: [{ $ref: '#/components/parameters/Id' }, { name: 'limit', in: 'query', schema: { type: 'integer' } }], responses: { 200: {} } },
      post: { operationId: 'makeThing', tags: ['other'], requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } }, responses: { 201: { $ref: '#/components/responses/Made' } } },
    },
  },
  components: {
    parameters: { Id: { name: 'id', in: 'path', required: true, schema: { type: 'string' } } },
    responses: { Made: { description: 'made' } },
    schemas: {
      Thing: { type: 'object', required: ['name', 'size'], properties: { name: { type: 'string', maxLength: 5 }, size: { $ref: '#/components/schemas/Size' }, inner: { type: 'object', properties: { deep: { type: ['integer', 'null'], minimum: 1, maximum: 9 } } } } },
      Size: { enum: ['small', 'large'], description: 'How big.' },
      Circle: { $ref: '#/components/schemas/Circle' },
    },
  },
};

test('operations stand under their tags, with references followed', () => {
  const [things, other] = operationsByTag(doc);
  assert.equal(things.tag, 'things');
  assert.equal(things.operations[0].parameters[0].name, 'id');
  assert.equal(things.operations[0].open, true);
  assert.equal(other.operations[0].method, 'POST');
  assert.equal(other.operations[0].responses[0][1].description, 'made');
});

test('schemas are put in words', () => {
  assert.equal(describe({ type: ['string', 'null'], format: 'uuid' }, doc), 'string or null (uuid)');
  assert.equal(describe({ $ref: '#/components/schemas/Size' }, doc), 'one of "small", "large"');
  assert.equal(describe({ type: 'array', items: { type: 'integer', minimum: 1 }, maxItems: 3 }, doc), 'array of integer, at least 1, at most 3 items');
  assert.deepEqual(lines({ $ref: '#/components/schemas/Thing' }, doc).map(({ depth, name, required }) => [depth, name, required]), [[0, 'name', true], [0, 'size', true], [0, 'inner', false], [1, 'deep', false]]);
});

test('a circle of references ends', () => {
  assert.equal(typeof describe({ $ref: '#/components/schemas/Circle' }, doc), 'string');
});

test('examples hold what is required', () => {
  assert.deepEqual(exampleOf({ $ref: '#/components/schemas/Thing' }, doc), { name: '', size: 'small' });
  assert.deepEqual(JSON.parse(bodyExample(operationsByTag(doc)[1].operations[0], doc)), { name: '', size: 'small' });
  assert.equal(bodyExample(operationsByTag(doc)[0].operations[0], doc), '');
});

test('targets are encoded, and empty query values left out', () => {
  const operation = operationsByTag(doc)[0].operations[0];
  assert.equal(requestTarget(operation, { id: 'a/b?c', limit: '' }), '/api/v1/things/a%2Fb%3Fc');
  assert.equal(requestTarget(operation, { id: '1', limit: '5' }), '/api/v1/things/1?limit=5');
});
