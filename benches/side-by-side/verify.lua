-- Lets a call through whose X-Spark-Signature is the HMAC-SHA1 of its body.
local bit = require "bit"
local secret = require "secret"

local function hex(bytes)
  return (bytes:gsub(".", function(c) return string.format("%02x", c:byte()) end))
end

-- In a time that does not tell where they differ.
local function equal(a, b)
  if #a ~= #b then return false end
  local difference = 0
  for i = 1, #a do
    difference = bit.bor(difference, bit.bxor(a:byte(i), b:byte(i)))
  end
  return difference == 0
end

return function()
  local signature = ngx.req.get_headers()["x-spark-signature"]
  if type(signature) ~= "string" then return ngx.exit(403) end
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  if not body or not equal(signature:lower(), hex(ngx.hmac_sha1(secret, body))) then return ngx.exit(403) end
end
