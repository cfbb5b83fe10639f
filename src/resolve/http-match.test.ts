// Matches of a VirtualService that the simulations do not speak of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { RouteMatchSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { buildRouteMatch, compareSpecificity } from './http-match.ts';

test('a claim of the request’s token is looked for where the token’s filter leaves it', () => {
  const path = (...keys: readonly string[]) =>
    ['payload', ...keys].map((value) => ({ case: 'key', value }));
  for (const [name, keys] of [
    ['@request.auth.claims.group.id', ['group', 'id']],
    ['@request.auth.claims[example.com/role]', ['example.com/role']],
  ] as const) {
    const { headers, dynamicMetadata } = create(
      RouteMatchSchema,
      buildRouteMatch({
        headers: { [name]: { exact: 'a' }, 'x-other': { exact: 'b' } },
        withoutHeaders: { '@request.auth.claims.banned': {} },
      }),
    );
    assert.deepEqual(
      headers.map((header) => header.name),
      ['x-other'],
    );
    assert.deepEqual(
      dynamicMetadata.map(({ filter, invert, path: steps }) => ({
        filter,
        invert,
        path: steps.map(({ segment }) => ({ ...segment })),
      })),
      [
        { filter: 'envoy.filters.http.jwt_authn', invert: false, path: path(...keys) },
        { filter: 'envoy.filters.http.jwt_authn', invert: true, path: path('banned') },
      ],
      name,
    );
  }
});

test('HTTPRoutes are ordered as the Gateway API has it', () => {
  const ordered = [
    { uri: { exact: '/a/b' } },
    { uri: { prefix: '/a/b' } },
    { uri: { prefix: '/a' }, method: { exact: 'GET' } },
    { uri: { prefix: '/a' }, headers: { x: { exact: '1' }, y: { exact: '1' } } },
    { uri: { prefix: '/a' }, headers: { x: { exact: '1' } } },
    { uri: { prefix: '/a' }, queryParams: { q: { exact: '1' } } },
    { uri: { prefix: '/a' } },
  ];
  assert.deepEqual(ordered.toReversed().toSorted(compareSpecificity), ordered);
});
