import { useEffect, useState } from "react";

import { Copyable } from "../parts/Copyable";

/** For who writes programs: where the API is, and where it can be tried out. */
export function Developer() {
  const [graphiql, setGraphiql] = useState(false);
  useEffect(() => {
    void isGraphiqlServed().then(setGraphiql);
  }, []);
  return (
    <section className="card" aria-labelledby="api">
      <h2 id="api">API</h2>
      <p className="quiet">What this page does, programs can do, too, by GraphQL:</p>
      <Copyable text={`${location.origin}/graphql`} what="the address of the API" />
      {graphiql && (
        <p>
          {/* A tab that has an opener gets a copy of what this one keeps: its sign-in. */}
          <a href="/graphiql" target="_blank" rel="opener">
            Try it out in GraphiQL
          </a>
        </p>
      )}
    </section>
  );
}

async function isGraphiqlServed(): Promise<boolean> {
  try {
    const about: unknown = await (await fetch("/dashboard.json")).json();
    return typeof about === "object" && about !== null && "graphiql" in about && about.graphiql === true;
  } catch {
    // It is a mere convenience.
    return false;
  }
}
