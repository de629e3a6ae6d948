import { FieldError, Input, Label, Text, TextArea, TextField } from "react-aria-components";

interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: string | undefined;
  /** What is wrong with it. */
  problem?: string | undefined;
  type?: "text" | "password" | "number";
  isRequired?: boolean;
  isMultiline?: boolean;
  autoComplete?: string;
  autoFocus?: boolean;
  placeholder?: string;
  /** Of what is no prose: names, keys, values. */
  isCode?: boolean;
}

/** A labelled text field that says what it is for and what is wrong with it. */
export function Field({ label, hint, problem, isMultiline, placeholder, isCode, ...field }: FieldProps) {
  const look = isCode ? "code" : undefined;
  return (
    <TextField {...field} className="field" isInvalid={problem !== undefined} validationBehavior="aria">
      <Label>{label}</Label>
      {isMultiline ? (
        <TextArea rows={3} className={look} placeholder={placeholder} spellCheck={!isCode} />
      ) : (
        <Input className={look} placeholder={placeholder} spellCheck={!isCode} autoCapitalize="none" />
      )}
      {hint && (
        <Text slot="description" className="hint">
          {hint}
        </Text>
      )}
      <FieldError className="wrong">{problem}</FieldError>
    </TextField>
  );
}
