-- What several hosts count together, judged and charged in one round trip (policy/rate/shared.h).
-- It runs in Redis or Valkey; the time is the server's, in microseconds, and never goes back.
--
-- KEYS[1]  the prefix of all keys, with its hash tag: all lie in one slot of a cluster.
-- ARGV[1]  what is wanted, ARGV[2] a random number that becomes the epoch if there is none: a
--          server that has lost its keys has another one. ARGV[3] and ARGV[4] the epoch and the
--          time that the caller expects after what it has heard last, 0: it has heard nothing.
--
-- Keys:    P:meta       hash: e the epoch, t the last time, o what was added to the clock
--          P:due        reservations by when they fall due
--          P:r:ID       a reservation: st its end (C or R; D it fell due), sN the answer to its Nth
--                       charge, cN what that charged, a: it was added after a break
--          P:k:KEY      windows and block of a key; and of different values
--          P:k:KEY:v    when each was seen last, :c when it was committed, :p how many have it
--                       reserved, :h:I:SLOT what is past the exact ones (HyperLogLog)

-- Whose clock was set is told from one that only was late by so much.
local SET_US = 60 * 1000000
-- Keys stay so much longer than they need: the server's clock may be set by an hour.
local SPARE_MS = 3900 * 1000
local SLOTS = 16
local EXACT = 1000
local DUE_AT_ONCE = 20
local MAX = 9007199254740992
local REPLY = 10000
-- A message that is slower than its lease is remembered for so long: it may yet be accepted.
local SLOW_US = 86400 * 1000000
-- Until it is released, a key is held; but what nobody asks for any more shall go one day. The
-- clock's offset must outlive all that was counted by it.
local HELD_US = 10 * 366 * 86400 * 1000000

-- So long a hold that is over waits for a host to see it.
local SEEN_US = 60 * 1000000

local P = KEYS[1]
local at = 4
local epoch
local now
local states = {}
-- What earlier items of this call are going to charge to a window.
local extras = {}

local function arg()
    at = at + 1
    return ARGV[at]
end

-- A whole number in range, or the call is wrong.
local function int()
    local value = tonumber(arg())
    if value == nil or value ~= value or value < -1 or value > MAX then
        error('postseal: argument ' .. at .. ' is not a number in range')
    end
    return value
end

local function milliseconds(us)
    return string.format('%.0f', math.ceil(us / 1000) + SPARE_MS)
end

local function expire(key, after_us)
    redis.call('PEXPIRE', key, milliseconds(after_us))
end

-- A time or an offset as it was stored; 0: it is none.
local function stored(text, least, most)
    local number = tonumber(text or '')
    if number == nil or number ~= number or number < least or number > most then
        return 0
    end
    return number
end

-- What time it is where clocks are not set: the hosts know how much has passed since an answer.
local function right_time(time, last)
    local expected = tonumber(ARGV[4])
    if tonumber(ARGV[3]) == epoch and expected > 0 and math.abs(time - expected) > SET_US then
        time = expected
    end
    return math.max(time, last)
end

local function read_meta()
    local clock = redis.call('TIME')
    local time = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
    local meta = redis.call('HMGET', P .. ':meta', 'e', 't', 'o')
    local last = stored(meta[2], 0, time + HELD_US)
    local added = stored(meta[3], -HELD_US, HELD_US)
    epoch = stored(meta[1], 1, MAX)
    if epoch == 0 then
        epoch = tonumber(ARGV[2])
        redis.call('HSET', P .. ':meta', 'e', string.format('%.0f', epoch))
    end
    now = right_time(time + added, last)
    redis.call('HSET', P .. ':meta', 't', string.format('%.0f', now), 'o',
        string.format('%.0f', now - time))
    expire(P .. ':meta', 2 * HELD_US)
end

-- Windows: {length, the newest sub-window, 17 counts}, the newest first.

local function slot_of(length, time)
    return math.floor(time * SLOTS / length)
end

local function advance(window)
    local slot = slot_of(window[1], now)
    local steps = math.min(slot - window[2], SLOTS + 1)
    for _ = 1, steps do
        table.insert(window[3], 1, 0)
        window[3][SLOTS + 2] = nil
    end
    -- One that is ahead is of a clock that is lost: it shall not stand still until then.
    window[2] = slot
end

local function used_of(window)
    local sum = 0
    for i = 1, SLOTS + 1 do
        sum = sum + window[3][i]
    end
    return sum
end

local function charge_window(window, time, amount)
    local i = window[2] - slot_of(window[1], time) + 1
    if i < 1 then
        i = 1
    end
    if i <= SLOTS + 1 then
        window[3][i] = math.max(0, math.min(MAX, window[3][i] + amount))
    end
end

-- Until `amount` fits: the end of the sub-window with which enough expires.
local function wait_of(window, used, amount, limit)
    if used + amount <= limit then
        return 0
    end
    if amount > limit then
        return -1
    end
    for i = SLOTS + 1, 1, -1 do
        used = used - window[3][i]
        if used + amount <= limit then
            local left = (window[2] - i + 1 + SLOTS + 1) * window[1] / SLOTS - now
            return math.max(1, math.ceil(left))
        end
    end
    return -1
end

local function is_window(window)
    if type(window) ~= 'table' or type(window[1]) ~= 'number' or type(window[2]) ~= 'number' or
        type(window[3]) ~= 'table' or window[1] <= 0 then
        return false
    end
    for i = 1, SLOTS + 1 do
        if type(window[3][i]) ~= 'number' or window[3][i] < 0 or window[3][i] > MAX then
            return false
        end
    end
    return true
end

-- The windows of a key as they are wanted; one of a new length begins with all that is known.
local function fit_windows(state, lengths)
    local most = 0
    local kept = {}
    for _, window in ipairs(state.w) do
        most = math.max(most, used_of(window))
        kept[window[1]] = kept[window[1]] or {}
        table.insert(kept[window[1]], window)
    end
    state.w = {}
    for i, length in ipairs(lengths) do
        -- Two may be of one length, with limits of their own: each has its counts.
        local window = kept[length] and table.remove(kept[length], 1)
        if window == nil then
            window = {length, slot_of(length, now), {}}
            for j = 1, SLOTS + 1 do
                window[3][j] = 0
            end
            window[3][1] = most
        end
        state.w[i] = window
    end
end

-- One state a key and call; `b` it is blocked, `h` until when it is held, `n` a warning was given,
-- `g` since when it has been there: what was charged before is not given back to it.
local function load_state(key, lengths)
    local state = states[key]
    if state == nil then
        local packed = redis.call('GET', P .. ':k:' .. key)
        local is_good = false
        if packed then
            is_good, state = pcall(cmsgpack.unpack, packed)
            is_good = is_good and type(state) == 'table' and type(state.w) == 'table' and
                type(state.h) == 'number' and state.h >= -1 and state.h <= now + HELD_US
        end
        if not is_good then
            state = {w = {}, b = false, h = 0, n = false, g = now}
        end
        local windows = {}
        for _, window in ipairs(state.w) do
            if is_window(window) then
                advance(window)
                windows[#windows + 1] = window
            end
        end
        state.w = windows
        states[key] = state
    end
    if lengths then
        fit_windows(state, lengths)
    end
    return state
end

local function longest(lengths)
    local most = 0
    for _, length in ipairs(lengths) do
        most = math.max(most, length)
    end
    return most * (SLOTS + 1) / SLOTS
end

local function save_state(key, lengths)
    local state = states[key]
    local life = longest(lengths)
    life = math.max(life, state.h == -1 and HELD_US or state.h > 0 and state.h - now + SEEN_US or 0)
    redis.call('SET', P .. ':k:' .. key, cmsgpack.pack(state), 'PX', milliseconds(life))
end

-- Different values.

local function cutoff(length)
    return (slot_of(length, now) - SLOTS) * length / SLOTS
end

-- With those that the server has lost: of them only the number is known.
local function values_used(key, lengths, i)
    local name = P .. ':k:' .. key
    local used = used_of(states[key].w[i]) + redis.call('ZCOUNT', name .. ':v',
        string.format('%.0f', cutoff(lengths[i])), '+inf')
    local slot = slot_of(lengths[i], now)
    if redis.call('EXISTS', name .. ':h') == 0 then
        return used
    end
    local sketches = {}
    for s = slot - SLOTS, slot do
        sketches[#sketches + 1] = name .. ':h:' .. i .. ':' .. string.format('%.0f', s)
    end
    return used + redis.call('PFCOUNT', unpack(sketches))
end

local function values_has(key, value, length)
    local seen = redis.call('ZSCORE', P .. ':k:' .. key .. ':v', value)
    return seen and tonumber(seen) >= cutoff(length)
end

-- True: it is remembered, and can be given back.
local function values_reserve(key, lengths, value)
    local name = P .. ':k:' .. key
    local most = longest(lengths)
    redis.call('ZREMRANGEBYSCORE', name .. ':v', '-inf', string.format('(%.0f', now - most))
    redis.call('ZREMRANGEBYSCORE', name .. ':c', '-inf', string.format('(%.0f', now - most))
    if not redis.call('ZSCORE', name .. ':v', value) then
        if redis.call('ZCARD', name .. ':v') >= EXACT then
            for i, length in ipairs(lengths) do
                local sketch = name .. ':h:' .. i .. ':' ..
                    string.format('%.0f', slot_of(length, now))
                redis.call('PFADD', sketch, value)
                expire(sketch, length * (SLOTS + 2) / SLOTS)
            end
            redis.call('SET', name .. ':h', 1)
            expire(name .. ':h', most)
            return false
        end
    end
    -- Also of one that was there: it may have left the shorter windows.
    redis.call('ZADD', name .. ':v', string.format('%.0f', now), value)
    redis.call('HINCRBY', name .. ':p', value, 1)
    for _, part in ipairs({':v', ':c', ':p'}) do
        expire(name .. part, most * 2)
    end
    return true
end

local function values_end(key, value, lengths, time, is_commit)
    local name = P .. ':k:' .. key
    local left = redis.call('HINCRBY', name .. ':p', value, -1)
    if left <= 0 then
        redis.call('HDEL', name .. ':p', value)
    end
    if is_commit then
        local seen = tonumber(redis.call('ZSCORE', name .. ':c', value) or '0')
        local score = string.format('%.0f', math.max(seen, time))
        redis.call('ZADD', name .. ':c', score, value)
        -- Others that have it reserved may have seen it later.
        if left <= 0 then
            redis.call('ZADD', name .. ':v', score, value)
        end
        expire(name .. ':c', longest(lengths) * 2)
        expire(name .. ':v', longest(lengths) * 2)
    elseif left <= 0 then
        local seen = redis.call('ZSCORE', name .. ':c', value)
        if seen then
            redis.call('ZADD', name .. ':v', seen, value)
        else
            redis.call('ZREM', name .. ':v', value)
        end
    end
end

-- Reservations.

-- What it charged, a list each of its calls.
local function charges_of(name)
    local fields = redis.call('HGETALL', name)
    local lists = {}
    for i = 1, #fields, 2 do
        if string.sub(fields[i], 1, 1) == 'c' then
            local is_good, charges = pcall(cmsgpack.unpack, fields[i + 1])
            lists[#lists + 1] = {field = fields[i], charges = is_good and charges or {}}
        end
    end
    return lists
end

-- False: the key was released since, or is lost.
local function is_of_key(charge)
    return load_state(charge.k, charge.l).g == charge.g
end

local function add_to_windows(charge, amount)
    local state = load_state(charge.k, charge.l)
    for _, window in ipairs(state.w) do
        charge_window(window, charge.t, amount)
    end
    save_state(charge.k, charge.l)
end

-- It fell due, but its host is alive, and only the message slow: it counts again, and from when it
-- was charged first.
local function revive(id, lease)
    local name = P .. ':r:' .. id
    for _, list in ipairs(charges_of(name)) do
        for _, charge in ipairs(list.charges) do
            if is_of_key(charge) and charge.v then
                values_reserve(charge.k, charge.l, charge.v)
            elseif is_of_key(charge) then
                add_to_windows(charge, charge.a)
            end
        end
    end
    redis.call('HDEL', name, 'st')
    redis.call('ZADD', P .. ':due', string.format('%.0f', now + lease), id)
    expire(name, lease + SLOW_US)
    expire(P .. ':due', lease + SLOW_US)
end

local function end_charges(charges, is_commit)
    for _, charge in ipairs(charges) do
        if is_of_key(charge) then
            if charge.v then
                values_end(charge.k, charge.v, charge.l, charge.t, is_commit)
            elseif not is_commit then
                add_to_windows(charge, -charge.a)
            end
        end
    end
end

-- `how`: C it is committed, R given back, D it fell due.
local function end_reservation(id, how, lease)
    local name = P .. ':r:' .. id
    local before = redis.call('HGET', name, 'st')
    redis.call('ZREM', P .. ':due', id)
    if before == 'C' or before == 'R' or before == how then
        return
    end
    if before == 'D' and how == 'C' then
        revive(id, lease)
        redis.call('ZREM', P .. ':due', id)
        before = false
    end
    for _, list in ipairs(charges_of(name)) do
        if before ~= 'D' then
            end_charges(list.charges, how == 'C')
        end
        if how ~= 'D' then
            redis.call('HDEL', name, list.field)
        end
    end
    redis.call('HSET', name, 'st', how)
    expire(name, how == 'D' and math.max(lease, SLOW_US) or lease)
end

-- What dead hosts had reserved. `st` stays, so that one that lives is not charged again.
local function fall_due(lease)
    local ids = redis.call('ZRANGEBYSCORE', P .. ':due', '-inf', string.format('%.0f', now),
        'LIMIT', 0, DUE_AT_ONCE)
    for _, id in ipairs(ids) do
        -- One that is nonsense shall not fail every call.
        if not pcall(end_reservation, id, 'D', lease) then
            redis.call('ZREM', P .. ':due', id)
            redis.call('DEL', P .. ':r:' .. id)
        end
    end
end

-- Items.

local function read_item()
    local key, known_epoch, held = arg(), int(), int()
    local item = {key = key, is_refusing = int() == 1, amount = int(), value = arg(),
        hold = int(), warn = int(), limits = {}, percents = {}, lengths = {}}
    local count = int()
    local floors = {}
    for i = 1, count do
        item.limits[i] = int()
        item.percents[i] = int()
        item.lengths[i] = int()
        floors[i] = int()
    end
    item.state = load_state(item.key, item.lengths)
    -- The server has lost what it knew: what this host was told last is the least there is.
    if known_epoch ~= epoch and item.state.h == 0 and held ~= 0 then
        item.state.h = held == -1 and -1 or now + held
        item.state.b = true
    end
    for i, window in ipairs(item.state.w) do
        if known_epoch ~= epoch then
            local used = item.value == '' and used_of(window) or
                values_used(key, item.lengths, i)
            charge_window(window, now, math.max(0, floors[i] - used))
        end
    end
    return item
end

-- A share: the least that is over it, where the whole, the next item, counts so many.
local function least_of(item, i, whole)
    return math.max(item.limits[i], math.floor(item.percents[i] * whole / 100) + 1)
end

-- Until it is below the share; both expire in step.
local function wait_of_share(item, i, used, whole)
    local window, other = item.state.w[i], item.whole.state.w[i]
    local k = SLOTS + 1
    if used < least_of(item, i, whole) then
        return 0
    end
    while k > 1 do
        used = used - window[3][k]
        whole = whole - other[3][k]
        if used < least_of(item, i, whole) then
            break
        end
        k = k - 1
    end
    return math.max(1, math.ceil((window[2] - k + SLOTS + 2) * window[1] / SLOTS - now))
end

local function judge(item)
    local is_distinct = item.value ~= ''
    local want = math.max(item.amount, 1)
    local longest_wait, fullest = 0, -1
    item.answer, item.window, item.used, item.wait, item.is_warned = 0, 0, 0, 0, false
    item.of = 0
    item.useds = {}
    for i, window in ipairs(item.state.w) do
        local limit = item.limits[i]
        local used, wait, need, whole = nil, 0, want, 0
        if is_distinct then
            used = values_used(item.key, item.lengths, i)
            need = values_has(item.key, item.value, item.lengths[i]) and 0 or 1
            if used + need > limit then
                wait = math.ceil(item.lengths[i] / SLOTS)
            end
        elseif item.whole then
            used, need = used_of(window) + (extras[window] or 0), item.amount
            whole = used_of(item.whole.state.w[i])
            wait = wait_of_share(item, i, used + need, whole)
            limit = least_of(item, i, whole)
        else
            used = used_of(window) + (extras[window] or 0)
            wait = wait_of(window, used, need, limit)
        end
        item.useds[i] = used
        local share = limit > 0 and used / limit or 1
        if wait ~= 0 then
            local rank = wait == -1 and MAX or wait
            if item.answer == 0 or rank > longest_wait then
                longest_wait = rank
                item.window, item.used, item.wait = i - 1, used, wait
                item.of = whole
            end
            item.answer = 1
        elseif item.answer == 0 and share > fullest then
            fullest = share
            item.window, item.used, item.of = i - 1, used, whole
        end
        if item.warn > 0 and (used + need) * 100 >= limit * item.warn then
            item.is_warned = true
        end
    end
    if item.state.h == -1 or item.state.h > now then
        item.answer = 2
        item.wait = item.state.h == -1 and -1 or item.state.h - now
    elseif item.answer == 1 and item.hold ~= 0 then
        -- Held again at once, it never was free.
        item.state.h = item.hold == -1 and -1 or now + item.hold
        item.answer = 2
        item.wait = item.hold
    elseif item.state.h > 0 then
        item.state.h = 0
        item.is_released = true
    end
    item.is_counted = item.amount > 0 and (item.answer == 0 or item.whole)
    if item.is_counted and not is_distinct then
        for _, window in ipairs(item.state.w) do
            extras[window] = (extras[window] or 0) + item.amount
        end
    end
    -- What is more than the whole limit keeps nobody else away.
    if not (item.answer == 1 and item.wait == -1) then
        item.is_new = item.answer ~= 0 and not item.state.b
        item.state.b = item.answer ~= 0
    end
    item.is_due = item.is_warned and not item.state.n
    item.state.n = item.is_warned
end

local function charge_item(item, charges)
    if item.value ~= '' then
        if values_reserve(item.key, item.lengths, item.value) then
            charges[#charges + 1] = {k = item.key, l = item.lengths, v = item.value, t = now,
                g = item.state.g}
        end
        return
    end
    for _, window in ipairs(item.state.w) do
        charge_window(window, now, item.amount)
    end
    charges[#charges + 1] = {k = item.key, l = item.lengths, a = item.amount, t = now,
        g = item.state.g}
end

local function answer_of(items, is_ok)
    local reply = {epoch, now, is_ok and 1 or 0}
    for _, item in ipairs(items) do
        for _, number in ipairs({item.answer, item.window, item.used, item.of, item.wait,
            item.is_due and 1 or 0, item.is_new and 1 or 0, item.is_released and 1 or 0,
            #item.useds}) do
            reply[#reply + 1] = number
        end
        for _, used in ipairs(item.useds) do
            reply[#reply + 1] = used
        end
    end
    return reply
end

local function charge()
    local id, sequence, lease, count = arg(), arg(), int(), int()
    local name = P .. ':r:' .. id
    local items = {}
    local is_ok = true
    fall_due(lease)
    local known = redis.call('HMGET', name, 's' .. sequence, 'st', 'a')
    if known[1] then
        local is_good, reply = pcall(cmsgpack.unpack, known[1])
        if is_good then
            reply[1], reply[2] = epoch, now
            return reply
        end
    end
    if known[2] == 'D' then
        revive(id, lease)
    end
    for i = 1, count do
        items[i] = read_item()
    end
    for i, item in ipairs(items) do
        if (item.percents[1] or 0) > 0 then
            item.whole = items[i + 1]
        end
    end
    for _, item in ipairs(items) do
        judge(item)
        is_ok = is_ok and not (item.is_refusing and item.answer ~= 0)
    end
    local charges = {}
    -- One that was given back, or added after a break, is too late to be charged.
    local is_late = known[2] == 'R' or known[3]
    for _, item in ipairs(items) do
        if is_ok and not is_late and item.is_counted then
            charge_item(item, charges)
        end
    end
    for _, item in ipairs(items) do
        save_state(item.key, item.lengths)
    end
    local reply = answer_of(items, is_ok)
    if not is_late and #charges > 0 then
        redis.call('HSET', name, 's' .. sequence, cmsgpack.pack(reply), 'c' .. sequence,
            cmsgpack.pack(charges))
        -- If all hosts are dead, the first that comes back finds what they had reserved.
        expire(name, lease + SLOW_US)
        if known[2] == 'C' then
            redis.call('HDEL', name, 'st')
            end_reservation(id, 'C', lease)
        else
            redis.call('ZADD', P .. ':due', string.format('%.0f', now + lease), id)
            expire(P .. ':due', lease + SLOW_US)
        end
    end
    return reply
end

-- A call that the host did not hear the answer of, and has refused of itself.
local function undo(name, sequence)
    local known = redis.call('HMGET', name, 'c' .. sequence, 'st')
    if not known[1] then
        return
    end
    local is_good, charges = pcall(cmsgpack.unpack, known[1])
    if is_good and not known[2] then
        end_charges(charges, false)
    end
    redis.call('HDEL', name, 'c' .. sequence)
end

-- What a host admitted during a break: charged, whatever the limits say; once. `first`: the first
-- call that it has decided itself, which may have arrived.
local function add()
    local id, lease, first, count = arg(), int(), int(), int()
    local name = P .. ':r:' .. id
    local ended = redis.call('HMGET', name, 'a')
    local arrived = {}
    local is_first_kept = false
    local items = {}
    for i = 1, count do
        local sequence, age = arg(), int()
        local item = read_item()
        items[i] = item
        is_first_kept = is_first_kept or tonumber(sequence) == first
        if arrived[sequence] == nil then
            arrived[sequence] = redis.call('HEXISTS', name, 's' .. sequence) == 1
        end
        if not ended[1] and not arrived[sequence] then
            if item.value ~= '' then
                if values_reserve(item.key, item.lengths, item.value) then
                    values_end(item.key, item.value, item.lengths, now - age, true)
                end
            else
                for _, window in ipairs(item.state.w) do
                    charge_window(window, now - age, item.amount)
                end
            end
            save_state(item.key, item.lengths)
        end
    end
    if not is_first_kept then
        undo(name, first)
    end
    end_reservation(id, 'C', lease)
    redis.call('HSET', name, 'a', 1)
    expire(name, lease)
    -- What is counted now, for the next break.
    local reply = {epoch, now, 1}
    for _, item in ipairs(items) do
        -- Those behind are not learned; what is too long would not be understood.
        if #reply > REPLY then
            break
        end
        reply[#reply + 1] = #item.lengths
        for j, window in ipairs(item.state.w) do
            reply[#reply + 1] = item.value ~= '' and values_used(item.key, item.lengths, j) or
                used_of(window)
        end
    end
    return reply
end

local function finish(is_commit)
    local id, lease = arg(), int()
    end_reservation(id, is_commit and 'C' or 'R', lease)
    return {epoch, now, 1}
end

-- What is past the exact values, of the windows that the key has now; others are of no use to it.
local function forget_sketches(key)
    for i, window in ipairs(load_state(key).w) do
        local slot = slot_of(window[1], now)
        for s = slot - SLOTS - 1, slot do
            redis.call('DEL', P .. ':k:' .. key .. ':h:' .. i .. ':' .. string.format('%.0f', s))
        end
    end
end

local function release()
    local count, released = int(), 0
    for _ = 1, count do
        local key = arg()
        local name = P .. ':k:' .. key
        forget_sketches(key)
        released = released + (redis.call('DEL', name, name .. ':v', name .. ':c', name .. ':p',
            name .. ':h') > 0 and 1 or 0)
    end
    return {epoch, now, released}
end

-- Is a hold over, and this the first to ask? 1; 2: it is held on; 0: others have seen it.
local function over()
    local key, count = arg(), int()
    local lengths = {}
    for i = 1, count do
        lengths[i] = int()
    end
    local state = load_state(key, lengths)
    if state.h == -1 or state.h > now then
        return {epoch, now, 2}
    end
    if state.h == 0 then
        return {epoch, now, 0}
    end
    state.h = 0
    state.b = false
    save_state(key, lengths)
    return {epoch, now, 1}
end

read_meta()
local wanted = ARGV[1]
if wanted == 'charge' then
    return charge()
elseif wanted == 'commit' then
    return finish(true)
elseif wanted == 'giveback' then
    return finish(false)
elseif wanted == 'add' then
    return add()
elseif wanted == 'release' then
    return release()
elseif wanted == 'over' then
    return over()
elseif wanted == 'probe' then
    fall_due(int())
    return {epoch, now, 1}
end
return redis.error_reply('postseal: unknown call')
