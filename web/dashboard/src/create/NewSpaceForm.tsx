import { useRef, useState } from "react";
import { Checkbox } from "react-aria-components";
import { useLocation } from "wouter";

import { useAction } from "../forms/action";
import { Field } from "../forms/Field";
import { Form } from "../forms/Form";
import { at } from "../forms/problems";
import { Problems } from "../forms/Problems";
import { useCell } from "../live/cell";
import { Button } from "../parts/Button";
import { Tick } from "../parts/Tick";
import { useSession } from "../session/session";
import { CreateSpace, type OfferedTemplate } from "./documents";
import { indexOf, inputOf, longestName, nameProblem, newKey, valueProblem, type Draft } from "./draft";
import { Lacks } from "./Lacks";
import { Parameters } from "./Parameters";
import { preview } from "./preview";
import { Preview } from "./Preview";
import { TemplateChoice } from "./TemplateChoice";

export function NewSpaceForm({ templates }: { templates: OfferedTemplate[] }) {
  const { live, viewer } = useSession();
  const [, navigate] = useLocation();
  const quota = useCell(live.quota);
  const create = useAction(CreateSpace, (data) => data.createSpace);
  const [draft, setDraft] = useState<Draft>({
    templateId: templates[0]?.id ?? "",
    name: "",
    description: "",
    values: {},
    start: true,
  });
  // Mistakes are shown once somebody tried to send them.
  const [isTried, setIsTried] = useState(false);
  const attempt = useRef({ print: "", key: "" });

  const version = templates.find(({ id }) => id === draft.templateId)?.version;
  const variables = version?.variables ?? [];
  const input = inputOf(draft, variables);
  const takings = quota && version && preview(quota, version);
  const isRefused = create.problems.some(({ code }) => code === "QUOTA_EXCEEDED");
  const longest = longestName(viewer.userName);
  const change = (part: Partial<Draft>): void => {
    setDraft({ ...draft, ...part });
    if (create.problems.length > 0) create.clear();
  };
  const wrongName = isTried ? nameProblem(draft.name, longest) : undefined;
  const wrongValue = (name: string): string | undefined => {
    const variable = variables.find((it) => it.name === name);
    const own = isTried && variable ? valueProblem(variable, draft.values[name]) : undefined;
    return own ?? at(create.problems, "parameters", indexOf(input, name));
  };

  const submit = async (): Promise<void> => {
    setIsTried(true);
    const isWrong =
      nameProblem(draft.name, longest) ?? variables.map((it) => valueProblem(it, draft.values[it.name])).find(Boolean);
    if (isWrong) return;
    // The same wish, however often it is sent, is one space; another wish is another.
    const print = JSON.stringify(input);
    if (attempt.current.print !== print) attempt.current = { print, key: newKey() };
    const answer = await create.run({ input: { ...input, idempotencyKey: attempt.current.key } });
    live.answered(answer);
    // Whoever has gone elsewhere by then stays there.
    if (answer?.space && location.pathname === "/new") navigate(`/spaces/${answer.space.id}`);
  };

  const shown = [["name"], ["description"], ...variables.map(({ name }) => ["parameters", indexOf(input, name)])];
  return (
    <Form className="columns" onSubmit={submit}>
      <div>
        <section className="card">
          <TemplateChoice
            templates={templates}
            chosen={draft.templateId}
            onChoose={(templateId) => change({ templateId, values: {} })}
          />
        </section>
        <section className="card">
          <Field
            label="Name"
            value={draft.name}
            onChange={(name) => change({ name })}
            problem={wrongName ?? at(create.problems, "name")}
            hint={`Part of its addresses: lower-case letters, digits and single hyphens, at most ${longest} characters.`}
            isRequired
            isCode
            autoComplete="off"
          />
          <Field
            label="Description"
            value={draft.description}
            onChange={(description) => change({ description })}
            problem={at(create.problems, "description")}
            isMultiline
          />
        </section>
        <Parameters
          variables={variables}
          values={draft.values}
          wrong={wrongValue}
          onChange={(values) => change({ values })}
        />
      </div>
      <div>
        <section className="card" aria-label="What it takes">
          <h2>What it takes</h2>
          {takings && <Preview takings={takings} startsAtOnce={draft.start} />}
          <Checkbox className="check" isSelected={draft.start} onChange={(start) => change({ start })}>
            <Tick /> Start it at once
          </Checkbox>
          {takings && !isRefused && <Lacks takings={takings} startsAtOnce={draft.start} />}
          <Problems of={create} shown={shown} />
          <Button type="submit" look="primary" isBusy={create.isBusy}>
            {create.isBusy ? "Creating…" : "Create space"}
          </Button>
        </section>
      </div>
    </Form>
  );
}
