/**
 * Writes a hash or a string, or deletes it, unless what is there is from the same source and as new or newer. Beside the key stands where its record was,
 * for as long as the key lives, and for a time behind a deletion. That mark is written first: a server without memory refuses a script's first write only.
 *
 * KEYS: the key, and the one beside it. ARGV: source, offset in 20 digits, life in ms (0: for ever), life of a deletion's mark in ms, what to do, and with what.
 */
export const keepNewest = `
local at = redis.call("GET", KEYS[2])
if at and string.sub(at, 22) == ARGV[1] and string.sub(at, 1, 20) >= ARGV[2] then return 0 end
redis.call("SET", KEYS[2], ARGV[2] .. " " .. ARGV[1])
redis.call("DEL", KEYS[1])
local life = tonumber(ARGV[3])
if ARGV[5] == "delete" then life = tonumber(ARGV[4])
elseif ARGV[5] == "string" then redis.call("SET", KEYS[1], ARGV[6])
else for i = 6, #ARGV, 2 do redis.call("HSET", KEYS[1], ARGV[i], ARGV[i + 1]) end end
if life > 0 then
  redis.call("PEXPIRE", KEYS[1], life)
  redis.call("PEXPIRE", KEYS[2], life)
end
return 1
`;

export const offsetDigits = (offset: bigint): string => String(offset).padStart(20, "0");
