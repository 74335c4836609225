import { createDecoder } from './engine/decode/decode.ts';
import { createCounters } from './engine/telemetry.ts';
import { encode as cb } from 'cborg'; import { encode as mp } from '@msgpack/msgpack';
const f=(name:string,type:any='number',path=name)=>({name,type,path});
const S=(o:any={})=>({name:'s',topic:'plant/{site}/{device}/data',qos:1,format:'json',device:{topic:'device'},labels:[{name:'site',place:{topic:'site'}}],time:{path:'ts',unit:'ms'},fields:[f('temp'),f('hum'),f('ok','boolean'),f('batt'),f('s','string')],undeclared:'keep',coerce:false,limits:{bytes:65536,depth:8,fields:100,readings:1000},...o});
const obj={ts:1700000000123,temp:21.5,hum:44.2,ok:true,batt:3.71,s:"running"};
const run=(n:string,s:any,bufs:Buffer[],N=300000)=>{const c=createCounters();const d=createDecoder({streams:[s],brokers:['b'],maxAheadMs:3e5,counters:c});
 const recs=bufs.map((payload,i)=>({kind:'message' as const,offset:i,at:1700000000500,connection:0,topic:`plant/hall${i%4}/dev-${i%1000}/data`,payload,qos:1 as const,retain:false,dup:false}));
 for(let r=0;r<12;r++){const t=process.cpuUsage();for(let i=0;i<N;i++){const out:any[]=[];d(recs[i%recs.length]!,out);}
 console.log(n,(()=>{const u=process.cpuUsage(t);return (u.user+u.system)/N*1e3|0})(),'ns',c.readings,c.rejected)}};
const vary=(e:(o:any)=>Uint8Array)=>Array.from({length:1000},(_,i)=>Buffer.from(e({...obj,temp:20+i/100,ts:1700000000000+i})));
const j=vary(o=>Buffer.from(JSON.stringify(o)));console.log(j[0]!.length);
const jp=(()=>{for(let r=0;r<3;r++){const t=process.hrtime.bigint();for(let i=0;i<300000;i++)JSON.parse(j[i%1000]!.toString());console.log('JSON.parse alone',Number(process.hrtime.bigint()-t)/300000|0)}})();
run('json',S(),j);
