import { Field } from "../forms/Field";
import type { Draft, Variable } from "./draft";

interface Props {
  variables: readonly Variable[];
  values: Draft["values"];
  wrong: (name: string) => string | undefined;
  onChange: (values: Draft["values"]) => void;
}

/** A field for each variable of the template. */
export function Parameters({ variables, values, wrong, onChange }: Props) {
  if (variables.length === 0) return null;
  return (
    <section className="card">
      <h2>Parameters</h2>
      {variables.map((variable) => (
        <Field
          key={variable.name}
          label={variable.name}
          value={values[variable.name] ?? variable.default ?? ""}
          onChange={(value) => onChange({ ...values, [variable.name]: value })}
          problem={wrong(variable.name)}
          hint={hintOf(variable)}
          type={variable.secret ? "password" : "text"}
          autoComplete={variable.secret ? "new-password" : "off"}
          isRequired={variable.default === null}
          isCode
        />
      ))}
    </section>
  );
}

function hintOf({ description, secret, default: preset }: Variable): string {
  const parts = [
    description,
    secret ? "Kept secret: it is never shown again." : "",
    preset ? `By default ${preset}.` : "",
  ];
  return parts.filter(Boolean).join(" ");
}
