-- Health of a TopicEncryptionPolicy or EncryptionProxy, from the conditions of its status: what it says of the current generation,
-- and nothing that was said of an older one.
local hs = {status = "Progressing", message = "Waiting for the operator"}

local status = obj.status
if status == nil or status.conditions == nil then
  return hs
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local function is(kind, value)
  return conditions[kind] ~= nil and conditions[kind].status == value
end
local function say(health, kind)
  local condition = conditions[kind]
  hs.status = health
  hs.message = condition.reason or kind
  if condition.message ~= nil and condition.message ~= "" then
    hs.message = hs.message .. ": " .. condition.message
  end
  return hs
end

if is("ReconciliationPaused", "True") then
  return say("Suspended", "ReconciliationPaused")
end
if status.observedGeneration == nil or status.observedGeneration ~= obj.metadata.generation then
  hs.message = "Waiting for the operator to see the change"
  return hs
end
if is("Stalled", "True") then
  return say("Degraded", "Stalled")
end
-- Ahead of Accepted: a Kafka resource that is not there yet may come with the same commit.
if is("Reconciling", "True") then
  return say("Progressing", "Reconciling")
end
if is("Accepted", "False") then
  return say("Degraded", "Accepted")
end
if is("Ready", "True") then
  return say("Healthy", "Ready")
end
if is("Ready", "False") then
  return say("Degraded", "Ready")
end
if conditions.Ready ~= nil then
  return say("Progressing", "Ready")
end
return hs
