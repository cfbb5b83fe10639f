// What is asked and answered in the metrics' test of HTTP.

export const HTTP = { port: 8080, question: 'q'.repeat(300), answer: 'a'.repeat(700) } as const;
/** Two of the first: its count must not be one by chance. */
export const HTTP_STATUSES = [200, 200, 404, 503] as const;
/** NOT_FOUND of gRPC, whose HTTP status is 200 all the same. */
export const GRPC = { port: 9090, status: 5 } as const;
